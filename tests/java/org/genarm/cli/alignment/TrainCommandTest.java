package org.genarm.cli.alignment;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.FloatBuffer;
import java.nio.LongBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.genarm.checkpoint.Safetensors;
import org.genarm.cli.CommandLineRun;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class TrainCommandTest {
  private static final Path GOLDEN = Path.of("tests/golden");
  private static final ObjectMapper JSON = new ObjectMapper();

  @TempDir Path temp;

  @Test
  void theLogFollowsTheLossesOfFloat64() throws IOException {
    float[] losses = new float[5];
    Path pairs = temp.resolve("pairs.jsonl");
    try (Safetensors golden = Safetensors.open(GOLDEN.resolve("arm-training-on-llama-gqa/expected.safetensors"))) {
      FloatBuffer expected = golden.read(golden.tensor("adamw_losses")).asFloatBuffer();
      expected.get(losses);
      Files.write(pairs, goldenPairs(golden));
    }

    var run =
        train("--pairs", pairs.toString(), "--method", "full", "--learning-rate", "1e-3", "--weight-decay", "0.01",
            "--steps", "5", "--no-shuffle", "--max-grad-norm", "0", "--log", temp.resolve("log.jsonl").toString());

    assertEquals(0, run.code(), run.err());
    List<String> log = Files.readAllLines(temp.resolve("log.jsonl"));
    assertEquals(5, log.size());
    for (int i = 0; i < 5; i++) {
      JsonNode line = JSON.readTree(log.get(i));
      assertEquals(i + 1, line.get("step").intValue());
      assertEquals(losses[i], line.get("loss").doubleValue(), 1e-3 * losses[i]);
      assertEquals(1e-3, line.get("learning_rate").doubleValue());
      assertTrue(line.has("accuracy") && line.has("margin") && line.get("tokens_per_second").doubleValue() > 0);
    }
  }

  @Test
  void oneLineSaysHowItEnded() throws IOException {
    var run = train("--pairs", onePair().toString(), "--steps", "2", "--eval-pairs", onePair().toString());

    assertEquals(0, run.code(), run.err());
    assertTrue(
        run.out().matches(".*/out: 2 steps, loss [\\d.]+, accuracy [\\d.]+, margin [-\\d.]+; held out: loss [\\d.]+,"
            + " accuracy [\\d.]+\\R"),
        run.out());
    JsonNode adapter = JSON.readTree(temp.resolve("out/adapter_config.json").toFile());
    assertEquals(GOLDEN.resolve("llama-gqa").toString(), adapter.get("base_model_name_or_path").textValue());
    assertEquals("[\"q_proj\",\"k_proj\",\"v_proj\"]", adapter.get("target_modules").toString());
  }

  @Test
  void aResultIsNotOverwritten() throws IOException {
    Path pairs = onePair();
    train("--pairs", pairs.toString(), "--steps", "1");

    var again = train("--pairs", pairs.toString(), "--steps", "1");

    assertEquals(2, again.code());
    assertTrue(again.err().contains("is there already: --resume goes on, or choose another folder"), again.err());
    assertEquals(0, train("--pairs", pairs.toString(), "--steps", "2", "--resume").code());
  }

  @Test
  void weightsAreWrittenAsAskedFor() throws IOException {
    train("--pairs", onePair().toString(), "--steps", "1", "--method", "full", "--save-dtype", "f32");

    assertEquals("float32", JSON.readTree(temp.resolve("out/config.json").toFile()).get("dtype").textValue());
    try (Safetensors model = Safetensors.open(temp.resolve("out/model.safetensors"))) {
      assertEquals("F32 [64]", model.tensor("model.norm.weight").describe());
      assertEquals("pt", model.metadata().get("format"));
    }
  }

  @Test
  void aBadPairIsAnErrorOfFiles() throws IOException {
    Path pairs = Files.writeString(temp.resolve("bad.jsonl"), "{\"prompt_ids\":[1],\"chosen_ids\":[512]}\n");

    var run = train("--pairs", pairs.toString());

    assertEquals(3, run.code());
    assertEquals("genarm train: " + pairs + ": line 1: expected chosen_ids[0] in [0, 512), found 512\n", run.err());
  }

  @Test
  void aBaseThatIsNotThereIsNamedAndNothingIsMade() throws IOException {
    String base = temp.resolve("nowhere").toString(), out = temp.resolve("out").toString();

    var run = CommandLineRun.of("train", "--base", base, "--pairs", onePair().toString(), "--out", out);

    assertEquals(3, run.code());
    assertEquals("genarm train: " + base + ": expected a model directory, found nothing there\n", run.err());
    assertFalse(Files.exists(Path.of(out)));
  }

  @Test
  void aLogThatCannotBeWrittenIsNamed() throws IOException {
    Path log = temp.resolve("nowhere").resolve("log.jsonl");

    var run = train("--pairs", onePair().toString(), "--steps", "1", "--log", log.toString());

    assertEquals(3, run.code());
    assertTrue(run.err().startsWith("genarm train: " + log + ": the log cannot be written: "), run.err());
  }

  @Test
  void severalObjectivesMakeAPreferenceConditionedAdapter() throws IOException {
    String pairs = onePair().toString();

    var run = train("--method", "pblora", "--pairs", "b=" + pairs, "--pairs", "a=" + pairs, "--steps", "2",
        "--pblora-r1", "3", "--pblora-r2", "2", "--dtype", "bf16", "--log", temp.resolve("log.jsonl").toString());

    assertEquals(0, run.code(), run.err());
    JsonNode adapter = JSON.readTree(temp.resolve("out/adapter_config.json").toFile());
    assertEquals("PBLORA", adapter.get("peft_type").textValue());
    assertEquals("[0.5,0.5]", adapter.get("pref_vec_init").toString());
    try (Safetensors stored = Safetensors.open(temp.resolve("out/adapter_model.safetensors"))) {
      assertEquals("b,a", stored.metadata().get("objectives"));
      String module = "base_model.model.model.layers.2.self_attn.q_proj";
      assertEquals("F32 [5, 64]", stored.tensor(module + ".pblora_A").describe());
      assertEquals("F32 [2, 4]", stored.tensor(module + ".pblora_W2").describe());
    }
    JsonNode preference = JSON.readTree(Files.readAllLines(temp.resolve("log.jsonl")).get(0)).get("preference");
    assertEquals(1, preference.get(0).doubleValue() + preference.get(1).doubleValue(), 1e-6);
    var generated = CommandLineRun.of("generate", "--base", GOLDEN.resolve("llama-gqa").toString(), "--prompt-ids", "1,5",
        "--arm", "parm=" + temp.resolve("out"), "--preference", "parm=0.25,0.75", "--max-new-tokens", "4", "--json");
    assertEquals(0, generated.code(), generated.err());
  }

  @Test
  void objectivesAreNamedOncePerFile() throws IOException {
    String pairs = onePair().toString();

    assertEquals(2, train("--method", "pblora", "--pairs", pairs, "--pairs", pairs).code());
    assertEquals(2, train("--method", "pblora", "--pairs", "a=" + pairs, "--pairs", "a=" + pairs).code());
    assertEquals(2, train("--pairs", pairs, "--pairs", pairs).code());
    assertEquals(3, train("--method", "pblora", "--pairs", pairs).code());
    assertEquals(2, train("--method", "full", "--pairs", pairs, "--adapter", temp.toString()).code());
  }

  @Test
  void aRunThatDivergesSaysSoInOneLine() throws IOException {
    var run = train("--pairs", onePair().toString(), "--method", "full", "--learning-rate", "1e30", "--steps", "9");

    assertEquals(2, run.code(), run.err());
    assertTrue(run.err().matches("genarm train: training diverged at step 2: .*; no good state was saved .*\\R"), run.err());
  }

  @Test
  void optionsOutOfRangeAreErrorsOfUsage() throws IOException {
    String pairs = onePair().toString();

    assertEquals(2, train("--pairs", pairs, "--beta", "0").code());
    assertEquals(2, train("--pairs", pairs, "--objective", "ppo").code());
    assertEquals(2, train("--pairs", pairs, "--batch-size", "0").code());
    assertEquals(2, train("--pairs", pairs, "--dtype", "int8").code());
    assertEquals(2, train("--pairs", pairs, "--save-dtype", "int8").code());
    assertEquals(2, train("--pairs", pairs, "--divergence-factor", "0.5").code());
    assertEquals(2, train("--pairs", pairs, "--change-learning-rate").code());
  }

  private CommandLineRun train(String... options) {
    List<String> arguments = new ArrayList<>(List.of("train", "--base", GOLDEN.resolve("llama-gqa").toString()));
    arguments.addAll(List.of("--out", temp.resolve("out").toString(), "--threads", "2", "--quiet"));
    arguments.addAll(List.of(options));
    return CommandLineRun.of(arguments.toArray(String[]::new));
  }

  private Path onePair() throws IOException {
    String line = "{\"prompt_ids\":[1,5],\"chosen_ids\":[6,7,2],\"rejected_ids\":[8,2]}\n";
    return Files.writeString(temp.resolve("one.jsonl"), line);
  }

  private static List<String> goldenPairs(Safetensors golden) {
    long[][] lengths = rows(golden, "lengths");
    long[][] prompts = rows(golden, "prompt");
    long[][] chosen = rows(golden, "chosen");
    long[][] rejected = rows(golden, "rejected");
    List<String> lines = new ArrayList<>();
    for (int i = 0; i < lengths.length; i++) {
      lines.add(
          String.format(
              "{\"prompt_ids\":%s,\"chosen_ids\":%s,\"rejected_ids\":%s}",
              Arrays.toString(prompts[i]),
              Arrays.toString(Arrays.copyOf(chosen[i], (int) lengths[i][0])),
              Arrays.toString(Arrays.copyOf(rejected[i], (int) lengths[i][1]))));
    }
    return lines;
  }

  private static long[][] rows(Safetensors golden, String name) {
    LongBuffer values = golden.read(golden.tensor(name)).asLongBuffer();
    int count = golden.tensor(name).shape().get(0).intValue();
    long[][] rows = new long[count][values.remaining() / count];
    for (long[] row : rows) {
      values.get(row);
    }
    return rows;
  }
}
