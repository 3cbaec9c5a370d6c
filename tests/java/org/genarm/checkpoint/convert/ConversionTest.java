package org.genarm.checkpoint.convert;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.genarm.checkpoint.Checkpoint;
import org.genarm.checkpoint.CheckpointException;
import org.genarm.checkpoint.Json;
import org.genarm.checkpoint.Safetensors;
import org.genarm.checkpoint.StoredTensor;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class ConversionTest {
  private static final Path GOLDEN = Path.of("tests/golden/convert");
  private static final ByteProgress SILENT = (bytes, total) -> {};

  @TempDir Path temp;

  @ParameterizedTest
  @ValueSource(
      strings = {
        "views", "types", "tied", "protocol-2", "protocol-3", "protocol-4", "protocol-5", "old-layout", "zip64"
      })
  void aConvertedFileHoldsTheTensorsByteForByte(String name) {
    Path target = temp.resolve("out");

    Conversion done = Conversion.run(GOLDEN.resolve(name), target, false, SILENT);

    Map<String, String> expected = tensors(GOLDEN.resolve(name).resolve("expected.safetensors"));
    assertEquals(expected, tensors(target.resolve("model.safetensors")));
    assertEquals(expected.size(), done.tensors());
  }

  @Test
  void anAdapterBecomesAnAdapter() {
    Path target = temp.resolve("out");

    Conversion.run(GOLDEN.resolve("adapter"), target, false, SILENT);

    Path expected = GOLDEN.resolve("adapter/expected.safetensors");
    assertEquals(tensors(expected), tensors(target.resolve("adapter_model.safetensors")));
    assertTrue(Files.exists(target.resolve("adapter_config.json")));
  }

  @Test
  void shardsKeepTheirSplitAndGetAnIndex() {
    Path target = temp.resolve("out");

    Conversion done = Conversion.run(GOLDEN.resolve("sharded"), target, false, SILENT);

    Map<String, String> all = tensors(target.resolve("model-00001-of-00002.safetensors"));
    assertEquals(Set.of("a", "b"), all.keySet());
    all.putAll(tensors(target.resolve("model-00002-of-00002.safetensors")));
    assertEquals(tensors(GOLDEN.resolve("sharded/expected.safetensors")), all);
    Path index = target.resolve("model.safetensors.index.json");
    assertEquals(done.bytes(), Json.read(index).path("metadata").path("total_size").longValue());
    try (Checkpoint checkpoint = Checkpoint.open(target)) {
      assertEquals(all.keySet(), checkpoint.tensors().keySet());
    }
  }

  @Test
  void filesThatGoWithTheModelAreCopiedAndNothingElse() throws IOException {
    Path source = copy("views");
    Files.writeString(source.resolve("optimizer.pt"), "state");
    Files.writeString(source.resolve("modeling.py"), "code");

    Conversion.run(source, temp.resolve("out"), false, SILENT);

    assertEquals(
        List.of("chat_template.jinja", "config.json", "generation_config.json", "model.safetensors"),
        names(temp.resolve("out")));
  }

  @Test
  void progressEndsAtTheTotal() {
    long[] last = new long[2];

    Conversion.run(
        GOLDEN.resolve("sharded"),
        temp.resolve("out"),
        false,
        (bytes, total) -> {
          last[0] = bytes;
          last[1] = total;
        });

    assertTrue(last[0] > 0);
    assertEquals(last[1], last[0]);
  }

  @Test
  void aTargetWithFilesIsRefusedAndLeftAsItIs() throws IOException {
    Path target = Files.createDirectory(temp.resolve("out"));
    Files.writeString(target.resolve("notes.txt"), "mine");

    var refused = refusal(GOLDEN.resolve("views"), target);

    assertEquals(target + ": expected a new or empty folder (or --force), found one with files in it", refused);
    assertEquals(List.of("notes.txt"), names(target));
  }

  @Test
  void forceReplacesWeightsAndKeepsOtherFiles() throws IOException {
    Path target = Files.createDirectory(temp.resolve("out"));
    Files.writeString(target.resolve("notes.txt"), "mine");
    Files.writeString(target.resolve("config.json"), "old");
    Conversion.run(GOLDEN.resolve("sharded"), target, true, SILENT);

    Conversion.run(GOLDEN.resolve("tied"), target, true, SILENT);

    assertEquals(List.of("config.json", "model.safetensors", "notes.txt"), names(target));
    assertEquals("mine", Files.readString(target.resolve("notes.txt")));
    assertTrue(Json.read(target.resolve("config.json")).path("tie_word_embeddings").asBoolean());
  }

  @Test
  void anEmptyTargetIsFilled() throws IOException {
    Path target = Files.createDirectory(temp.resolve("out"));

    Conversion.run(GOLDEN.resolve("tied"), target, false, SILENT);

    assertEquals(List.of("config.json", "model.safetensors"), names(target));
  }

  @Test
  void theSourceIsNoTarget() throws IOException {
    Path source = copy("tied");

    assertEquals(
        source + ": expected another folder than the source, found the source itself", refusal(source, source));
  }

  @Test
  void aFolderWithoutAnythingToConvertIsRefused() throws IOException {
    Path source = Files.createDirectory(temp.resolve("in"));
    Files.writeString(source.resolve("config.json"), "{}");

    String refused = refusal(source, temp.resolve("out"));

    assertTrue(refused.startsWith(source + ": expected pytorch_model.bin, pytorch_model.bin.index.json"), refused);
    assertFalse(Files.exists(temp.resolve("out")));
  }

  @Test
  void aMissingShardIsNamed() throws IOException {
    Path source = copy("sharded");
    Path shard = source.resolve("pytorch_model-00002-of-00002.bin");
    Files.delete(shard);

    assertEquals(shard + ": expected a PyTorch file, found none", refusal(source, temp.resolve("out")));
  }

  @Test
  void aTensorThatItsShardLacksIsNamed() throws IOException {
    Path source = copy("sharded");
    Path index = source.resolve("pytorch_model.bin.index.json");
    Files.writeString(index, Files.readString(index).replace("\"c\"", "\"d\""));

    String expected = "pytorch_model-00002-of-00002.bin: d: expected this tensor, as the index says, found none";
    assertEquals(source.resolve(expected).toString(), refusal(source, temp.resolve("out")));
  }

  @Test
  void aTensorInTwoShardsIsNamed() throws IOException {
    Path source = copy("sharded");
    Path second = source.resolve("pytorch_model-00002-of-00002.bin");
    Files.delete(second);
    Files.copy(source.resolve("pytorch_model-00001-of-00002.bin"), second);

    String refused = refusal(source, temp.resolve("out"));

    assertEquals(second + ": a: expected a tensor in one shard, found it in pytorch_model-00001-of-00002.bin too", refused);
  }

  @ParameterizedTest
  @ValueSource(strings = {"../secret.bin", "/etc/secret.bin", "a\\\\b.bin", "shard.pt"})
  void anIndexThatLeadsElsewhereIsRefused(String shard) throws IOException {
    Path source = Files.createDirectory(temp.resolve("in"));
    Path index = source.resolve("pytorch_model.bin.index.json");
    Files.writeString(index, "{\"weight_map\": {\"w\": \"" + shard + "\"}}");

    String refused = refusal(source, temp.resolve("out"));

    assertTrue(refused.startsWith(index + ": w: expected the name of a .bin file beside it"), refused);
  }

  @Test
  void aFailureLeavesNoFolder() throws IOException {
    Path source = copy("sharded");
    Files.writeString(source.resolve("pytorch_model-00002-of-00002.bin"), "broken");

    refusal(source, temp.resolve("out"));

    assertEquals(List.of("in"), names(temp));
  }

  private static String refusal(Path source, Path target) {
    return assertThrows(CheckpointException.class, () -> Conversion.run(source, target, false, SILENT)).getMessage();
  }

  private Path copy(String fixture) throws IOException {
    Path source = Files.createDirectory(temp.resolve("in"));
    for (String name : names(GOLDEN.resolve(fixture))) {
      if (!name.equals("expected.safetensors")) {
        Files.copy(GOLDEN.resolve(fixture).resolve(name), source.resolve(name));
      }
    }
    return source;
  }

  /** Every tensor's type, shape and bytes, by name. */
  private static Map<String, String> tensors(Path file) {
    Map<String, String> tensors = new TreeMap<>();
    try (Safetensors opened = Safetensors.open(file)) {
      for (StoredTensor tensor : opened.tensors().values()) {
        StringBuilder text = new StringBuilder(tensor.describe());
        for (byte octet : opened.read(tensor).array()) {
          text.append(String.format(" %02x", octet));
        }
        tensors.put(tensor.name(), text.toString());
      }
    }
    return tensors;
  }

  private static List<String> names(Path folder) throws IOException {
    try (Stream<Path> list = Files.list(folder)) {
      return list.map(path -> path.getFileName().toString()).sorted().collect(Collectors.toList());
    }
  }
}
