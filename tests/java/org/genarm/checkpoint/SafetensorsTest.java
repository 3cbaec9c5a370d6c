package org.genarm.checkpoint;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class SafetensorsTest {
  private static final Path GOLDEN = Path.of("tests/golden");

  @TempDir private Path directory;

  @Test
  void whatIsWrittenIsReadBack() {
    Path path = directory.resolve("laws.safetensors");
    var plans =
        List.of(
            new SafetensorsWriter.Plan("logprobs", TensorType.F32, List.of(2L, 3L)),
            new SafetensorsWriter.Plan("base", TensorType.F32, List.of(2L)));
    try (SafetensorsWriter writer = SafetensorsWriter.create(path, plans)) {
      writer.write("base", 0, new float[] {7, 8});
      writer.write("logprobs", 3, new float[] {3, 4, 5});
      writer.write("logprobs", 0, new float[] {0, 1, Float.NEGATIVE_INFINITY});
      writer.finish();
    }

    try (Safetensors file = Safetensors.open(path)) {
      assertEquals(List.of("logprobs", "base"), List.copyOf(file.tensors().keySet()));
      assertEquals(List.of(2L, 3L), file.tensor("logprobs").shape());
      assertArrayEquals(new float[] {0, 1, Float.NEGATIVE_INFINITY, 3, 4, 5}, floats(file, "logprobs"));
      assertArrayEquals(new float[] {7, 8}, floats(file, "base"));
      assertEquals(0, file.tensor("logprobs").offset() % 8);
    }
  }

  @Test
  void aWriterThatDoesNotFinishLeavesNothing() throws IOException {
    Path path = directory.resolve("laws.safetensors");
    var plans = List.of(new SafetensorsWriter.Plan("a", TensorType.F32, List.of(4L)));
    try (SafetensorsWriter writer = SafetensorsWriter.create(path, plans)) {
      writer.write("a", 0, new float[] {1});
    }

    try (Stream<Path> left = Files.list(directory)) {
      assertEquals(0, left.count());
    }
  }

  @Test
  void aWriterThatCannotStartLeavesNothing() throws IOException {
    Path path = directory.resolve("laws.safetensors");
    var plans = List.of(new SafetensorsWriter.Plan("a", TensorType.F32, List.of(Long.MAX_VALUE)));

    assertThrows(ArithmeticException.class, () -> SafetensorsWriter.create(path, plans));

    try (Stream<Path> left = Files.list(directory)) {
      assertEquals(0, left.count());
    }
  }

  @Test
  void valuesBeyondATensorAreRefused() {
    var plans = List.of(new SafetensorsWriter.Plan("a", TensorType.F32, List.of(4L)));
    try (SafetensorsWriter writer = SafetensorsWriter.create(directory.resolve("a.safetensors"), plans)) {
      var thrown = assertThrows(IllegalArgumentException.class, () -> writer.write("a", 3, new float[2]));

      assertEquals("a: elements 3 to 5 do not lie in [4]", thrown.getMessage());
    }
  }

  @Test
  void aPlaceThatCannotBeWrittenToIsNamed() {
    Path path = directory.resolve("nowhere").resolve("a.safetensors");

    var thrown = assertThrows(CheckpointException.class, () -> SafetensorsWriter.create(path, List.of()));

    assertEquals(path, thrown.file());
    assertEquals("a place to write to", thrown.expected());
  }

  @Test
  void aTensorThatIsNotThereIsNamedWithThoseThatAre() {
    Path path = GOLDEN.resolve("llama-gqa/expected.safetensors");
    try (Safetensors file = Safetensors.open(path)) {
      var thrown = assertThrows(CheckpointException.class, () -> file.tensor("loss"));

      assertEquals("a tensor loss", thrown.expected());
      assertEquals("[greedy_ids, input_ids, logits]", sorted(thrown.found()));
    }
  }

  @Test
  void anAbsentFileIsNamedWithTheSystemsReason() {
    Path path = directory.resolve("absent.safetensors");

    var thrown = assertThrows(CheckpointException.class, () -> Safetensors.open(path));

    assertEquals(path + ": expected a readable file, found No such file or directory", thrown.getMessage());
  }

  @Test
  void shardsAreOneCheckpoint() {
    try (Checkpoint whole = Checkpoint.open(GOLDEN.resolve("llama-fp16-sharded"))) {
      assertEquals(3, whole.files().size());
      assertEquals(
          whole.files().stream().mapToInt(file -> file.tensors().size()).sum(), whole.tensors().size());
    }
  }

  private static String sorted(String list) {
    return Stream.of(list.substring(1, list.length() - 1).split(", ")).sorted().toList().toString();
  }

  private static float[] floats(Safetensors file, String name) {
    float[] values = new float[(int) (file.tensor(name).bytes() / Float.BYTES)];
    file.read(file.tensor(name)).asFloatBuffer().get(values);
    return values;
  }
}
