package org.genarm.cli.measure;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.util.ArrayList;
import java.util.List;
import org.genarm.cli.CommandLineRun;
import org.genarm.cli.console.ExitCode;
import org.junit.jupiter.api.Test;

class BenchCommandTest {
  private static final List<String> MODELS =
      List.of("--base", "models/demo-base", "--arm", "models/demo-arm-positive", "--output-len", "8", "--json");

  @Test
  void latencyHasThePriceOfGuidanceBesideIt() throws Exception {
    JsonNode report = run("latency", "--batch-size", "3", "--num-iters", "2", "--num-iters-warmup", "1");

    assertEquals(3, report.get("batch_size").asInt());
    double seconds = report.get("latency_ms").get("p50").asDouble() / 1e3;
    assertEquals(3 * 8 / seconds, report.get("tokens_per_second").asDouble(), 1e-6 / seconds);
    assertTrue(report.get("price_of_guidance").asDouble() > 0);
    assertTrue(report.get("unguided_tokens_per_second").asDouble() > 0);
  }

  @Test
  void throughputRunsMoreRequestsThanFitAtATime() throws Exception {
    JsonNode report = run("throughput", "--num-prompts", "9", "--max-num-seqs", "4", "--input-len", "5");

    double elapsed = report.get("elapsed_s").asDouble();
    assertEquals(9 * 8 / elapsed, report.get("tokens_per_second").asDouble(), 1e-6 / elapsed);
    assertEquals(9 * 13 / elapsed, report.get("total_tokens_per_second").asDouble(), 1e-6 / elapsed);
    assertTrue(report.get("time_to_first_token_ms").get("p99").asDouble() > 0);
  }

  /** The first token of eight comes out of the prompt's step. A batch of three reads the weights once, and more KV. */
  @Test
  void kernelsAreMeasuredForEachBatchSize() throws Exception {
    JsonNode phases = run("kernels", "--batch-sizes", "1,3").get("phases");

    List<String> names = new ArrayList<>();
    phases.forEach(phase -> names.add(phase.get("phase").asText()));
    assertEquals(List.of("prompt of 1", "decode of 1", "prompt of 3", "decode of 3"), names);
    assertEquals(7, phases.get(1).get("steps").asInt());
    assertEquals(7, phases.get(3).get("steps").asInt());
    double one = phases.get(1).get("bytes_per_step").asDouble();
    double three = phases.get(3).get("bytes_per_step").asDouble();
    assertTrue(three > one && three < 1.5 * one, three + " bytes beside " + one);
    phases.forEach(phase -> assertTrue(phase.get("operations").size() >= 7, phase.toString()));
  }

  @Test
  void aBatchOfNothingIsRefused() {
    CommandLineRun run = CommandLineRun.of("bench", "latency", "--base", "models/demo-base", "--batch-size", "0");

    assertEquals(ExitCode.USAGE, run.code());
    assertEquals("genarm bench latency: --batch-size: expected at least 1, got 0", run.err().strip());
  }

  private static JsonNode run(String... bench) throws Exception {
    List<String> arguments = new ArrayList<>(List.of("bench"));
    arguments.addAll(List.of(bench));
    arguments.addAll(MODELS);
    CommandLineRun run = CommandLineRun.of(arguments.toArray(String[]::new));
    assertEquals(ExitCode.OK, run.code(), run.err());
    return new ObjectMapper().readTree(run.out());
  }
}
