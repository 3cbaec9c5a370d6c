package org.genarm.cli.measure;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import org.genarm.cli.CommandLineRun;
import org.genarm.cli.console.ExitCode;
import org.genarm.model.ModelConfig;
import org.genarm.model.WeightBytes;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ProfileCommandTest {
  private static final Set<String> OPERATIONS =
      Set.of("embed", "qkv", "attention", "project", "gate_up", "final_norm", "lm_head", "sample");
  private static final List<String> MODELS = List.of("profile", "--base", "models/demo-base",
      "--arm", "models/demo-arm-positive=1", "--output-len", "8", "--seconds", "0.1");

  private static CommandLineRun run(String... more) {
    List<String> arguments = new ArrayList<>(MODELS);
    arguments.addAll(List.of(more));
    CommandLineRun run = CommandLineRun.of(arguments.toArray(String[]::new));
    assertEquals(ExitCode.OK, run.code(), run.err());
    return run;
  }

  @Test
  void theReportCountsAStepsWorkAndWhatCountingCosts() throws Exception {
    JsonNode report = new ObjectMapper().readTree(run("--json").out());

    JsonNode decode = report.get("phases").get(1);
    assertEquals("decode", decode.get("phase").asText());
    Set<String> names = new TreeSet<>();
    decode.get("operations").forEach(operation -> names.add(operation.get("operation").asText()));
    assertEquals(OPERATIONS, names);
    long weights = read("models/demo-base") + read("models/demo-arm-positive");
    double bytes = decode.get("bytes_per_step").asDouble();
    assertTrue(bytes > 0.95 * weights && bytes < 1.05 * weights, bytes + " bytes a step, weights " + weights);
    double shares = 0;
    for (JsonNode share : decode.get("shares")) {
      shares += share.asDouble();
    }
    assertEquals(1, shares, 1e-9);
    assertTrue(decode.get("operations_ms").asDouble() <= decode.get("wall_ms").asDouble());
    double cost = report.get("profiling_overhead").asDouble();
    assertTrue(report.get("profiling_overhead_low").asDouble() <= cost, report.toString());
    assertTrue(report.get("profiling_overhead_high").asDouble() >= cost, report.toString());
    assertTrue(report.get("turns").asInt() >= ProfilingCost.LEAST_TURNS);
  }

  private static long read(String checkpoint) {
    return WeightBytes.of(ModelConfig.read(Path.of(checkpoint)), null, null).read();
  }

  @Test
  void theTraceHasEachStepAroundItsOperations(@TempDir Path directory) throws Exception {
    Path file = directory.resolve("trace.json");
    String out = run("--trace", file.toString()).out();

    assertTrue(out.contains("95 % interval"), out);
    double end = -1;
    int steps = 0;
    Set<String> names = new TreeSet<>();
    for (JsonNode event : new ObjectMapper().readTree(file.toFile()).get("traceEvents")) {
      assertEquals("X", event.get("ph").asText());
      double begin = event.get("ts").asDouble();
      double last = begin + event.get("dur").asDouble();
      if (event.get("name").asText().equals("step")) {
        assertTrue(begin >= end, "a step begins when the one before has ended");
        end = last;
        steps++;
      } else {
        names.add(event.get("name").asText());
        assertTrue(last <= end + 1e-3, event + " is within its step, which ends at " + end);
      }
    }
    assertEquals(OPERATIONS, names);
    assertTrue(steps == 7 || steps == 8, steps + " steps"); // the last one's is told after its token
  }
}
