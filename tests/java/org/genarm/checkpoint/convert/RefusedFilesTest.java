package org.genarm.checkpoint.convert;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.BufferedOutputStream;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.stream.Stream;
import java.util.zip.CRC32;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;
import org.genarm.checkpoint.CheckpointException;
import org.genarm.checkpoint.Json;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** Files made to deceive, to run something or to fill the memory, and files that are simply broken. */
class RefusedFilesTest {
  private static final Path GOLDEN = Path.of("tests/golden/convert");

  @TempDir Path temp;

  static Stream<Arguments> cases() {
    return Json.read(GOLDEN.resolve("refused/cases.json")).properties().stream()
        .map(entry -> Arguments.of(entry.getKey(), entry.getValue()));
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("cases")
  void aFileThatIsNoCheckpointIsRefusedByName(String name, JsonNode phrases) throws IOException {
    Path source = Files.createDirectory(temp.resolve("in"));
    Path file = Files.copy(GOLDEN.resolve("refused").resolve(name + ".bin"), source.resolve("pytorch_model.bin"));
    Path target = temp.resolve("out");

    var refused =
        assertThrows(CheckpointException.class, () -> Conversion.run(source, target, false, (bytes, total) -> {}));

    String message = refused.getMessage();
    assertTrue(message.startsWith(file + ": "), message);
    phrases.forEach(phrase -> assertTrue(message.contains(phrase.textValue()), message));
    assertFalse(Files.exists(target));
  }

  @Test
  void aPickleOfTooManyValuesIsRefused() throws IOException {
    byte[] dictionaries = new byte[2_000_010];
    Arrays.fill(dictionaries, (byte) '}');

    String message = refusalOfPickle(dictionaries);

    assertTrue(message.endsWith("data.pkl, byte 2000000: expected at most 2000000 values, found more"), message);
  }

  @Test
  void aPickleThatIsTooLongIsRefused() throws IOException {
    String message = refusalOfPickle(new byte[(32 << 20) + 1]);

    assertTrue(message.endsWith("data.pkl: expected at most 33554432 bytes, found 33554433 bytes"), message);
  }

  @Test
  void deepNestingNeedsNoStack() throws IOException {
    byte[] nested = new byte[1_000_001];
    Arrays.fill(nested, (byte) 0x85);
    nested[0] = ')';

    String message = refusalOfPickle(nested);

    assertTrue(message.endsWith("expected the rest of an opcode, found the end of the pickle at byte 1000001"), message);
  }

  @Test
  void tooManyEntriesAreRefused() throws IOException {
    Path file = temp.resolve("many.bin");
    try (ZipOutputStream zip = new ZipOutputStream(new BufferedOutputStream(Files.newOutputStream(file)))) {
      for (int i = 0; i <= 200_000; i++) {
        store(zip, "archive/" + i, new byte[0]);
      }
    }

    var refused = assertThrows(CheckpointException.class, () -> TorchFile.open(file));

    assertEquals(file + ": expected at most 200000 entries, found 200001", refused.getMessage());
  }

  /** Whatever a byte becomes, the file is read or refused: never another exception, never more than it holds. */
  @ParameterizedTest
  @MethodSource("flips")
  void aFileWithAnyByteChangedIsReadOrRefused(String fixture, int mask) throws IOException {
    byte[] good = Files.readAllBytes(GOLDEN.resolve(fixture).resolve("pytorch_model.bin"));
    Path file = temp.resolve("flipped.bin");
    int refused = 0;

    for (int i = 0; i < good.length; i++) {
      byte[] flipped = good.clone();
      flipped[i] ^= (byte) mask;
      Files.write(file, flipped);
      try (TorchFile opened = TorchFile.open(file)) {
        for (TorchTensor tensor : opened.tensors().values()) {
          TensorBytes bytes = new TensorBytes(opened.channel(), tensor);
          while (bytes.next().hasRemaining()) {}
        }
      } catch (CheckpointException expected) {
        refused++;
      }
    }

    assertTrue(refused > good.length / 20, refused + " of " + good.length);
  }

  static Stream<Arguments> flips() {
    return Stream.of(Arguments.of("protocol-2", 0xff), Arguments.of("zip64", 0x01));
  }

  private String refusalOfPickle(byte[] pickle) throws IOException {
    Path file = temp.resolve("bomb.bin");
    try (ZipOutputStream zip = new ZipOutputStream(Files.newOutputStream(file))) {
      store(zip, "archive/data.pkl", pickle);
    }
    return assertThrows(CheckpointException.class, () -> TorchFile.open(file)).getMessage();
  }

  private static void store(ZipOutputStream zip, String name, byte[] content) throws IOException {
    CRC32 crc = new CRC32();
    crc.update(content);
    ZipEntry entry = new ZipEntry(name);
    entry.setMethod(ZipEntry.STORED);
    entry.setSize(content.length);
    entry.setCrc(crc.getValue());
    zip.putNextEntry(entry);
    zip.write(content);
  }
}
