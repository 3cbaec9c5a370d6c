package org.genarm.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.genarm.Golden;
import org.genarm.binding.Device;
import org.genarm.cli.console.ExitCode;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class GenerateCommandTest {
  private static final List<String> DEMO = List.of("generate", "--base", "models/demo-base",
      "--arm", "positive=" + Golden.DEMO + "/demo-arm-positive=1", "--arm", Golden.DEMO + "/demo-arm-plain=0");

  private static CommandLineRun demo(String... options) {
    List<String> arguments = new ArrayList<>(DEMO);
    arguments.addAll(Arrays.asList(options));
    return CommandLineRun.of(arguments.toArray(String[]::new));
  }

  private static JsonNode json(CommandLineRun run) throws Exception {
    assertEquals(0, run.code(), run.err());
    return new ObjectMapper().readTree(run.out());
  }

  @Test
  void theJsonHasEveryField() throws Exception {
    JsonNode greedy = Golden.json(Golden.DEMO.resolve("greedy.json")).get(1);

    JsonNode result = json(demo("--prompt", "Fellow citizens,", "--temperature", "0", "--max-new-tokens", "32",
        "--ignore-eos", "--seed", "5", "--json"));

    assertEquals(greedy.get("text"), result.get("text"));
    assertEquals(greedy.get("token_ids"), result.get("token_ids"));
    assertEquals("length", result.get("finish_reason").asText());
    assertEquals(5, result.get("seed").asLong());
    assertEquals(6, result.get("usage").get("prompt_tokens").asInt());
    assertEquals(32, result.get("usage").get("completion_tokens").asInt());
    assertTrue(result.get("timings").get("first_token_ms").asDouble() > 0);
  }

  /** Where there is no GPU; where there is one, it generates there. */
  @Test
  void aDeviceThatIsNotThereIsOneLineAndExitCodeFour() {
    CommandLineRun run = demo("--prompt", "a", "--max-new-tokens", "1", "--device", "cuda");

    if (Device.cudaCount() > 0) {
      assertEquals(ExitCode.OK, run.code(), run.err());
      return;
    }
    assertEquals(ExitCode.DEVICE, run.code());
    assertEquals("", run.out());
    assertTrue(run.err().matches("genarm generate: device cuda: [^\n]+\n"), run.err());
  }

  @Test
  void anyDeviceThatIsAskedForIsTheCpuWithANotice() {
    CommandLineRun run = demo("--prompt", "a", "--max-new-tokens", "1", "--device", "auto");

    assertEquals(ExitCode.OK, run.code(), run.err());
    String notice = Device.cudaCount() > 0 ? "" : "computing on the CPU: [^\n]+\n";
    assertTrue(run.err().matches(notice), run.err());
  }

  @Test
  void theTextAloneGoesToStandardOutput() throws Exception {
    String expected = json(demo("--prompt", "Fellow citizens,", "--seed", "3", "--json")).get("text").asText();

    CommandLineRun run = demo("--prompt", "Fellow citizens,", "--seed", "3");

    assertEquals(expected + System.lineSeparator(), run.out());
    assertEquals("", run.err());
  }

  @Test
  void aRandomSeedIsPrintedAndGivesTheSameAgain() throws Exception {
    JsonNode first = json(demo("--prompt", "Fellow citizens,", "--json"));

    JsonNode again = json(demo("--prompt", "Fellow citizens,", "--json", "--seed", first.get("seed").asText()));

    assertEquals(first.get("token_ids"), again.get("token_ids"));
  }

  @Test
  void severalCompletionsAreAList() throws Exception {
    JsonNode result = json(demo("--prompt", "Fellow citizens,", "--json", "--n", "3", "--seed", "1"));

    assertEquals(3, result.size());
    assertTrue(!result.get(0).get("token_ids").equals(result.get(1).get("token_ids")));
  }

  @Test
  void aPromptMayStandInAFileWithANewlineAtItsEnd(@TempDir Path folder) throws Exception {
    Path file = Files.writeString(folder.resolve("prompt.txt"), "Fellow citizens,\n");

    JsonNode result = json(demo("--prompt-file", file.toString(), "--seed", "1", "--json"));

    assertEquals(json(demo("--prompt", "Fellow citizens,", "--seed", "1", "--json")).get("token_ids"),
        result.get("token_ids"));
  }

  @Test
  void aStopStringEndsTheText() throws Exception {
    JsonNode result = json(demo("--prompt", "Fellow citizens,", "--temperature", "0", "--json",
        "--stop", "nothing", "--stop", "States"));

    assertEquals("stop", result.get("finish_reason").asText());
    assertEquals(" the United ", result.get("text").asText());
  }

  @Test
  void theEosIsPartOfTheIdsAndNotOfTheText(@TempDir Path folder) throws Exception {
    for (String name : List.of("config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json")) {
      Files.copy(Path.of("models/demo-base", name), folder.resolve(name));
    }
    Files.writeString(folder.resolve("generation_config.json"), "{\"eos_token_id\": [3, 607]}");

    CommandLineRun run = CommandLineRun.of("generate", "--base", folder.toString(), "--prompt-ids",
        "1,40,71,1018,944,14", "--temperature", "0", "--json");

    JsonNode result = json(run);
    assertEquals("stop", result.get("finish_reason").asText());
    int last = result.get("token_ids").size() - 1;
    assertEquals(607, result.get("token_ids").get(last).asInt());
  }

  @Test
  void aBaseWithoutATokenizerPrintsIds() {
    CommandLineRun run = CommandLineRun.of("generate", "--base", "tests/golden/llama-gqa", "--prompt-ids", "1, 2,3",
        "--max-new-tokens", "4", "--ignore-eos", "--temperature", "0");

    assertEquals(0, run.code(), run.err());
    assertTrue(run.out().strip().matches("\\d+(,\\d+){3}"), run.out());
  }

  @Test
  void theEnvironmentStandsInForOptions() throws Exception {
    CommandLineRun run = CommandLineRun.with(Map.of("GENARM_MAX_NEW_TOKENS", "3", "GENARM_JSON", "1"),
        "generate", "--base", "models/demo-base", "--prompt", "Fellow citizens,", "--ignore-eos");

    assertEquals(3, json(run).get("token_ids").size());
  }

  @Test
  void reachingTheLengthLimitEndsWithLength() throws Exception {
    JsonNode result = json(demo("--prompt-ids", "1,40,71,1018,944,14", "--max-model-len", "16", "--ignore-eos",
        "--json"));

    assertEquals("length", result.get("finish_reason").asText());
    assertEquals(10, result.get("token_ids").size());
  }

  @ParameterizedTest(name = "{0}")
  @CsvSource(delimiter = '|', value = {
    "--prompt a --prompt-ids 1 | 2 | expected one of --prompt, --prompt-file and --prompt-ids, got 2",
    "--temperature 1 | 2 | expected one of --prompt, --prompt-file and --prompt-ids, got 0",
    "--prompt-ids 1,x | 2 | --prompt-ids: expected numbers separated by commas, got 'x' at 1",
    "--prompt-ids 1,, | 2 | --prompt-ids: expected numbers separated by commas, got '' at 1",
    "--prompt-ids 1,4096 | 2 | token 1 is 4096, the vocabulary of base has 4096 tokens",
    "--prompt-ids -1 | 2 | token 0 is -1, the vocabulary of base has 4096 tokens",
    "--prompt-ids 1,2,3,4 --max-model-len 4 | 2 | the prompt of base has 4 tokens, at most 3 leave room for a new one",
    "--prompt-ids 1 --max-model-len 600 | 2 | max_model_len is 600, base (models/demo-base) has 512 positions",
    "--prompt a --temperature -1 | 2 | temperature must be at least 0 and finite, got -1.0",
    "--prompt a --top-k -3 | 2 | top_k must be at least 1, or 0 or -1 for off, got -3",
    "--prompt a --top-p 0 | 2 | top_p must be above 0 and at most 1, got 0.0",
    "--prompt a --min-p 2 | 2 | min_p must be between 0 and 1, got 2.0",
    "--prompt a --n 0 | 2 | n must be at least 1, got 0",
    "--prompt a --max-new-tokens 0 | 2 | max_new_tokens must be at least 1, got 0",
    "--prompt a --template tule | 2 | --template: expected one of raw, tulu, pku, alpaca, llama-2-chat, none, auto, got 'tule'",
    "--prompt a --arm-template no=tulu | 2 | --arm-template: there is no --arm named no",
    "--prompt a --arm-template positive=x | 2 | --arm-template: expected one of raw, tulu, pku, alpaca, llama-2-chat, none, auto, got 'x'",
    "--prompt a --arm bad=models/demo-arm-plain=3.4e38 --arm worse=models/demo-arm-plain=3.4e38 | 2 | the guided law overflows at position 2 (weights 1.0 0.0 3.4E38 3.4E38, temperature 1.0): its logits are not finite",
    "--prompt-file missing.txt | 3 | missing.txt: expected a readable file, found nothing there",
    "--prompt a --arm other=tests/golden/llama-arm-a | 3 | tests/golden/llama-arm-a: expected a vocabulary that covers the 4096 tokens that the base draws from, found 512 tokens in other",
  })
  void whatCannotBeServedIsOneLine(String options, int code, String message) {
    CommandLineRun run = demo(options.split(" "));

    assertEquals("genarm generate: " + message + System.lineSeparator(), run.err());
    assertEquals(code, run.code());
    assertEquals("", run.out());
  }

  @Test
  void aPromptMayLookLikeAnArgumentFile() {
    CommandLineRun run = demo("--prompt", "@nothing", "--max-new-tokens", "1");

    assertEquals(0, run.code(), run.err());
  }
}
