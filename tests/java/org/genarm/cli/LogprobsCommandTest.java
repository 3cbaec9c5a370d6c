package org.genarm.cli;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.genarm.Golden;
import org.genarm.checkpoint.Safetensors;
import org.genarm.checkpoint.TensorType;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class LogprobsCommandTest {
  private static final Path GUIDED = Golden.ROOT.resolve("guided-two-arms/expected.safetensors");

  @TempDir private Path folder;

  private CommandLineRun run(Path ids, String... options) {
    List<String> arguments = new ArrayList<>(List.of("logprobs", "--base", "tests/golden/llama-gqa",
        "--ids", ids.toString(), "--out", out().toString()));
    arguments.addAll(Arrays.asList(options));
    return CommandLineRun.of(arguments.toArray(String[]::new));
  }

  private Path out() {
    return folder.resolve("out.safetensors");
  }

  /** A file with one tensor of 64-bit integers (or what the type says). */
  private Path ids(String type, String shape, long... values) throws IOException {
    byte[] header = ("{\"input_ids\":{\"dtype\":\"" + type + "\",\"shape\":" + shape + ",\"data_offsets\":[0,"
        + 8 * values.length + "]}}").getBytes(StandardCharsets.UTF_8);
    ByteBuffer file = ByteBuffer.allocate(8 + header.length + 8 * values.length).order(ByteOrder.LITTLE_ENDIAN);
    file.putLong(header.length).put(header);
    for (long value : values) {
      file.putLong(value);
    }
    return Files.write(folder.resolve("ids.safetensors"), file.array());
  }

  @Test
  void theGuidedLawAndItsComponents() {
    CommandLineRun run = run(GUIDED, "--arm", "a=tests/golden/llama-arm-a", "--arm", "tests/golden/llama-arm-b=0",
        "--components");

    assertEquals(0, run.code(), run.err());
    assertEquals("", run.out() + run.err());
    try (Safetensors file = Safetensors.open(out())) {
      assertEquals(List.of("logprobs", "base", "arm.a", "arm.llama-arm-b"), List.copyOf(file.tensors().keySet()));
      file.tensors().values().forEach(tensor -> {
        assertEquals(TensorType.F32, tensor.type());
        assertEquals(List.of(2L, 40L, 512L), tensor.shape());
      });
    }
    float[] found = Golden.floats(out(), "base");
    float[] guided = Golden.floats(out(), "logprobs");
    float[] arm = Golden.floats(out(), "arm.a");
    double shift = guided[0] - found[0] - arm[0];
    for (int v = 1; v < 512; v++) {
      assertEquals(guided[v], found[v] + arm[v] + shift, 1e-4);
    }
  }

  @Test
  void withoutComponentsTheGuidedLawIsTheSame() {
    run(GUIDED, "--arm", "tests/golden/llama-arm-a=-0.5", "--components");
    float[] expected = Golden.floats(out(), "logprobs");

    assertEquals(0, run(GUIDED, "--arm", "tests/golden/llama-arm-a=-0.5", "--threads", "1").code());

    assertArrayEquals(expected, Golden.floats(out(), "logprobs"));
  }

  @Test
  void whatIsCutOffIsMinusInfinity() throws IOException {
    assertEquals(0, run(ids("I64", "[1,2]", 5, 6), "--top-k", "3", "--temperature", "0.7").code());

    float[] laws = Golden.floats(out(), "logprobs");
    for (int position = 0; position < 2; position++) {
      int allowed = 0;
      double sum = 0;
      for (int v = 0; v < 512; v++) {
        float value = laws[position * 512 + v];
        allowed += value > Float.NEGATIVE_INFINITY ? 1 : 0;
        sum += Math.exp(value);
      }
      assertEquals(3, allowed);
      assertEquals(1, sum, 1e-5);
    }
  }

  @Test
  void anIdOutsideTheVocabularyIsNamed() throws IOException {
    CommandLineRun run = run(ids("I64", "[2,2]", 1, 2, 3, 512));

    assertEquals(3, run.code());
    assertEquals("genarm logprobs: " + folder.resolve("ids.safetensors") + ": input_ids: expected ids below 512, the"
        + " size of the models' vocabulary, found 512 at [1, 1]" + System.lineSeparator(), run.err());
    assertFalse(Files.exists(out()));
  }

  @Test
  void anotherTypeIsRefused() throws IOException {
    CommandLineRun run = run(ids("F64", "[1,2]", 1, 2));

    assertEquals(3, run.code());
    assertTrue(run.err().endsWith("input_ids: expected I64 [rows, length], both at least 1, found F64 [1, 2]"
        + System.lineSeparator()), run.err());
  }

  @Test
  void anotherShapeIsRefused() throws IOException {
    CommandLineRun run = run(ids("I64", "[2]", 1, 2));

    assertEquals(3, run.code());
    assertTrue(run.err().endsWith("found I64 [2]" + System.lineSeparator()), run.err());
  }

  @Test
  void aFileWithoutIdsIsRefused() {
    CommandLineRun run = run(Golden.ROOT.resolve("llama-gqa/model.safetensors"));

    assertEquals(3, run.code());
    assertTrue(run.err().contains("expected a tensor input_ids"), run.err());
  }

  @Test
  void moreThanTheModelsPositionsAreRefused() throws IOException {
    CommandLineRun run = run(ids("I64", "[1,257]", new long[257]));

    assertEquals(2, run.code());
    assertEquals("genarm logprobs: max_model_len is 257, base (tests/golden/llama-gqa) has 256 positions"
        + System.lineSeparator(), run.err());
  }

  @Test
  void moreThanTheLimitIsRefused() throws IOException {
    CommandLineRun run = run(ids("I64", "[1,20]", new long[20]), "--max-model-len", "16");

    assertEquals(2, run.code());
    assertEquals("genarm logprobs: row 0 has 20 tokens, at most 16 fit (max_model_len)" + System.lineSeparator(),
        run.err());
    assertFalse(Files.exists(out()));
  }

  @Test
  void aPlaceThatCannotBeWrittenToIsNamed() throws IOException {
    CommandLineRun run = CommandLineRun.of("logprobs", "--base", "tests/golden/llama-gqa", "--ids",
        ids("I64", "[1,1]", 1).toString(), "--out", folder.resolve("no/such/out.safetensors").toString());

    assertEquals(3, run.code());
    assertTrue(run.err().contains("no/such/out.safetensors: expected a place to write to"), run.err());
  }

  @Test
  void aMissingOptionIsNamed() {
    CommandLineRun run = CommandLineRun.of("logprobs", "--base", "tests/golden/llama-gqa", "--out", "x");

    assertEquals(2, run.code());
    assertTrue(run.err().contains("--ids"), run.err());
  }
}
