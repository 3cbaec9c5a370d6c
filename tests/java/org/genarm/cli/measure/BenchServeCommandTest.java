package org.genarm.cli.measure;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import org.genarm.GenArm;
import org.genarm.cli.CommandLineRun;
import org.genarm.cli.console.ExitCode;
import org.genarm.server.GenArmServer;
import org.genarm.server.ServerConfig;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class BenchServeCommandTest {
  private static GenArm genArm;
  private static GenArmServer server;

  @TempDir Path folder;

  @BeforeAll
  static void open() {
    Path models = Path.of("models");
    genArm = GenArm.builder().base(models.resolve("demo-base")).arm("positive", models.resolve("demo-arm-positive"))
        .maxSequences(2).maxQueue(4).build();
    server = GenArmServer.start(ServerConfig.local("demo", 0).withApiKeys(Set.of("key")));
    server.open(genArm);
  }

  @AfterAll
  static void close() {
    server.close();
    genArm.close();
  }

  private static CommandLineRun bench(String... options) {
    List<String> arguments = new ArrayList<>(List.of("bench", "serve"));
    arguments.addAll(List.of(options));
    return CommandLineRun.of(arguments.toArray(String[]::new));
  }

  private static JsonNode report(CommandLineRun run) throws Exception {
    assertEquals(ExitCode.OK, run.code(), run.err());
    return new ObjectMapper().readTree(run.out());
  }

  @Test
  void itServesTheModelsItselfAndTellsThePriceOfGuidance() throws Exception {
    JsonNode report = report(bench("--base", "models/demo-base", "--arm", "models/demo-arm-positive", "--output-len",
        "8", "--input-len", "5", "--num-prompts", "7", "--max-concurrency", "3", "--num-warmups", "2", "--json"));

    for (String run : List.of("", "unguided_")) {
      assertEquals(7, report.get(run + "completed").asInt());
      assertEquals(0, report.get(run + "failed").asInt());
      assertTrue(report.get(run + "peak_concurrency").asInt() <= 3);
      double elapsed = report.get(run + "elapsed_s").asDouble();
      assertEquals(7 * 8, report.get(run + "tokens_per_second").asDouble() * elapsed, 1e-6);
      assertEquals(7 * 13, report.get(run + "total_tokens_per_second").asDouble() * elapsed, 1e-6);
      JsonNode first = report.get(run + "time_to_first_token_ms");
      JsonNode whole = report.get(run + "end_to_end_ms");
      for (String part : List.of("mean", "p50", "p90", "p99")) {
        assertTrue(first.get(part).asDouble() > 0 && first.get(part).asDouble() < whole.get(part).asDouble(), part);
        assertTrue(report.get(run + "time_per_output_token_ms").get(part).asDouble() > 0, part);
      }
    }
    assertEquals(report.get("unguided_tokens_per_second").asDouble() / report.get("tokens_per_second").asDouble(),
        report.get("price_of_guidance").asDouble(), 1e-9);
  }

  @Test
  void aRunningServerGetsPromptsOfAFileAtARate() throws Exception {
    Path prompts = Files.writeString(folder.resolve("prompts.jsonl"), """
        {"prompt": "The year", "max_tokens": 5, "ignore_eos": true}

        {"custom_id": "2", "body": {"messages": [{"role": "user", "content": "The year"}], "max_tokens": 5,
         "ignore_eos": true}}
        """.replace(",\n ", ","));

    JsonNode report = report(bench("--url", server.url(), "--api-key", "key", "--prompts", prompts.toString(),
        "--num-prompts", "4", "--request-rate", "200", "--max-concurrency", "2", "--weight", "positive=2", "--json"));

    assertEquals(4, report.get("completed").asInt());
    assertEquals(20, report.get("tokens_per_second").asDouble() * report.get("elapsed_s").asDouble(), 1e-6);
    assertEquals(200, report.get("request_rate").asDouble());
  }

  @Test
  void theTableSetsBothRunsSideBySide() {
    CommandLineRun run = bench("--url", server.url() + "/v1", "--api-key", "key", "--num-prompts", "2", "--output-len",
        "4", "--num-warmups", "0");

    assertEquals(ExitCode.OK, run.code(), run.err());
    List<String> lines = run.out().lines().toList();
    assertTrue(lines.get(0).matches(" +guided +weights 0 +price"), run.out());
    assertTrue(run.out().contains("\ncompleted                                   2            2\n"), run.out());
    assertTrue(run.out().lines().anyMatch(line -> line.matches("end_to_end_ms p99( +\\d+\\.\\d\\d){3}")), run.out());
  }

  @Test
  void requestsThatTheQueueRefusesAreCounted() throws Exception {
    JsonNode report = report(bench("--url", server.url(), "--api-key", "key", "--num-prompts", "40", "--output-len",
        "200", "--num-warmups", "0", "--json"));

    assertEquals(40, report.get("completed").asInt() + report.get("failed").asInt());
    assertTrue(report.get("failed").asInt() > 0, "2 run and 4 wait of 40");
  }

  @Test
  void whatCannotBeMeasuredIsRefused() throws Exception {
    Path prompts = Files.writeString(folder.resolve("prompts.jsonl"), "{\"prompt\": \"a\"}\n{\"question\": \"b\"}\n");

    assertRefused(ExitCode.USAGE, "Missing required option: '--base=DIR'");
    assertRefused(ExitCode.USAGE, "--url: expected one like http://127.0.0.1:8000, got 'here'", "--url", "here");
    assertRefused(ExitCode.USAGE, "does not tell its models: java.io.IOException: HTTP 401", "--url", server.url());
    assertRefused(ExitCode.USAGE, "does not tell its models", "--url", "http://127.0.0.1:1");
    assertRefused(ExitCode.USAGE, "--request-rate: expected above 0, got 0.0", "--url", server.url(),
        "--request-rate", "0");
    assertRefused(ExitCode.USAGE, "no request was answered: HTTP 400", "--url", server.url(), "--api-key", "key",
        "--input-len", "600");
    assertRefused(ExitCode.FILES, "line 2: expected a prompt or messages, found neither", "--url", server.url(),
        "--api-key", "key", "--prompts", prompts.toString());
  }

  private static void assertRefused(int code, String message, String... options) {
    CommandLineRun run = bench(options);

    assertEquals(code, run.code(), run.err());
    assertEquals(1, run.err().lines().count(), run.err());
    assertTrue(run.err().contains(message), run.err());
  }
}
