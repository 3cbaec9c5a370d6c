package org.genarm.recipes;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.genarm.Golden;
import org.genarm.cli.CommandLines;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Every command of docs/recipes runs as it stands there, on tiny stand-ins for the published models and data. */
class RecipesTest {
  private static final Pattern BLOCK = Pattern.compile("```console\\n(.*?)```", Pattern.DOTALL);

  @TempDir private Path work;

  private StandIns standIns;

  @BeforeEach
  void makeStandIns() {
    standIns = new StandIns(work);
  }

  /** The commands of a recipe, in order; a backslash at a line's end goes on in the next. */
  private static List<String> commands(String recipe) throws IOException {
    List<String> commands = new ArrayList<>();
    Matcher blocks = BLOCK.matcher(Files.readString(Path.of("docs/recipes", recipe)));
    while (blocks.find()) {
      for (String line : blocks.group(1).replace("\\\n", " ").split("\n")) {
        if (line.startsWith("$ ./genarm ")) {
          commands.add(line.substring("$ ./genarm ".length()));
        }
      }
    }
    return commands;
  }

  private void run(String recipe, int expected) throws IOException {
    List<String> commands = commands(recipe);
    assertEquals(expected, commands.size(), recipe);
    for (String command : commands) {
      List<String> arguments = new ArrayList<>();
      for (String argument : command.strip().split("\\s+")) {
        arguments.add(argument.replace("work/", work + "/"));
      }
      CommandLines.Outcome outcome = CommandLines.run(arguments);
      assertEquals(0, outcome.code(), command + "\n" + outcome.err());
    }
  }

  private static List<String> fields(JsonNode list) {
    List<String> names = new ArrayList<>();
    list.get(0).fieldNames().forEachRemaining(names::add);
    return names;
  }

  @Test
  void safetyOfAlpaca7b() throws IOException {
    standIns.model("alpaca-7b-reproduced");
    standIns.scoreModel("beaver-7b-v1.0-reward", "reward", 2);
    standIns.scoreModel("beaver-7b-v1.0-cost", "cost", 3);
    standIns.pkuRows("PKU-SafeRLHF-10K.jsonl", 520);
    standIns.prompts("evaluation_prompts-500.json", "prompt", true, 2);

    run("alpaca-7b-safety.md", 6);

    Path first = work.resolve("sweep-7b/parm/point-000");
    assertEquals(List.of("uid", "prompt", "response", "model", "elapsed"),
        fields(Golden.json(first.resolve("generation.json"))));
    assertEquals(List.of("uid", "prompt", "response", "model", "elapsed", "help_score (high better)",
        "harm_score (low better)"), fields(Golden.json(first.resolve("reward_result.json"))));
    JsonNode mean = Golden.json(first.resolve("mean_result.json"));
    JsonNode scores = Golden.json(work.resolve("sweep-7b/sweep.json")).get("points").get(0).get("scores");
    assertEquals(scores.get("help").get("mean").asDouble(), mean.get("help").asDouble(), 1e-9);
    assertEquals(-scores.get("harm").get("mean").asDouble(), mean.get("harm").asDouble(), 1e-9);
    assertEquals("eval0", Golden.json(first.resolve("generation.json")).get(0).get("uid").asText());
    assertEquals(11, Golden.json(work.resolve("sweep-7b-front/sweep.json")).get("points").size());
  }

  @Test
  void helpfulAssistantTulu2At13b() throws IOException {
    standIns.model("tulu-2-7b");
    standIns.model("tulu-2-13b");
    standIns.ultrafeedbackRows("ultrafeedback_binarized-train_prefs.jsonl", 40);
    standIns.prompts("alpaca_eval.json", "instruction", false, 2);

    run("tulu-2-13b-helpful.md", 4);

    try (var files = Files.list(work.resolve("alpaca-eval-guided/alpaca"))) {
      Path file = files.findFirst().orElseThrow();
      assertEquals("Base-tulu-2-13b-ARM-arm-alpha_arm=1-temp_1.0.json", file.getFileName().toString());
      assertEquals(List.of("instruction", "output", "generator"), fields(Golden.json(file)));
      assertTrue(Files.readString(file).contains("\n        \"instruction\": \"Tell me about number 0\""));
    }
    assertTrue(Files.exists(work.resolve("alpaca-eval-base/alpaca/tulu-2-13b.json")));
  }

  @Test
  void weakToStrongAlpaca65b() throws IOException {
    standIns.model("alpaca-7b-reproduced");
    standIns.gptqModel("alpaca-lora-65B-GPTQ");
    standIns.scoreModel("beaver-7b-v1.0-reward", "reward", 2);
    standIns.scoreModel("beaver-7b-v1.0-cost", "cost", 3);
    standIns.pkuRows("pairs.jsonl", 8);
    standIns.prompts("evaluation_prompts-500.json", "prompt", true, 2);
    for (String[] arm : new String[][] {{"pku-better", "help"}, {"pku-safer", "harm"}}) {
      Path pairs = work.resolve(arm[1] + ".jsonl");
      assertEquals(0, CommandLines.run(List.of(
          "pairs", "--from", arm[0], "--in", work.resolve("pairs.jsonl").toString(), "--out", pairs.toString())).code());
      assertEquals(0, CommandLines.run(List.of("train", "--base", work.resolve("alpaca-7b-reproduced").toString(), "--pairs",
          pairs.toString(), "--out", work.resolve("arm-" + arm[1]).toString(), "--quiet")).code());
    }

    run("alpaca-65b-weak-to-strong.md", 2);

    assertEquals(List.of("uid", "prompt", "response", "model", "elapsed"),
        fields(Golden.json(work.resolve("sweep-65b/pku/point-001/generation.json"))));
  }

  @Test
  void helpfulnessOfLlama7bOnHh() throws IOException {
    standIns.model("llama-7b-sft-float32");
    standIns.hhRows("full-hh-rlhf-train.jsonl", 40);
    standIns.hhRows("full-hh-rlhf-test.jsonl", 3);

    run("llama-7b-hh.md", 5);

    JsonNode list = Golden.json(work.resolve("hh-guided/hh/point-000.jsonl"));
    assertEquals(List.of("prompt", "result", "response", "elapsed", "method"), fields(list));
    assertEquals(list.get(0).get("prompt").asText() + list.get(0).get("result").asText(),
        list.get(0).get("response").asText());
  }
}
