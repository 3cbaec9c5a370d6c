package org.genarm.cli;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.PrintWriter;
import java.util.Locale;
import java.util.Map;
import org.genarm.cli.measure.MemoryBandwidth;
import org.genarm.model.ServingPlan;
import org.genarm.model.WeightBytes;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** {@code genarm inspect --plan}: what a device would hold and how fast its memory would let it be. */
final class InspectPlan {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final double GIGABYTE = 1e9;
  private static final double GIBIBYTE = 1L << 30;

  @Spec(Spec.Target.MIXEE)
  private CommandSpec verb;

  @Option(names = "--bandwidth", paramLabel = "GB/S", description = "of the device's memory; default: this CPU's, measured")
  private Double bandwidth;

  @Option(names = "--memory", paramLabel = "GIB", description = "of the device; default: this machine's")
  private Double memory;

  @Option(names = "--threads", defaultValue = "0", paramLabel = "N", description = "that measure; 0: one for each core")
  private int threads;

  @Option(names = "--context", defaultValue = "0", paramLabel = "N", description = "positions that a token reads (0)")
  private int context;

  void print(PlanOptions options, boolean json) throws Exception {
    requirePositive("--bandwidth", bandwidth);
    requirePositive("--memory", memory);
    if (context < 0 || threads < 0) {
      throw usage((context < 0 ? "--context" : "--threads") + ": expected at least 0, got " + Math.min(context, threads));
    }
    Map<String, ServingPlan> plans = options.plans();
    int measuring = threads == 0 ? Runtime.getRuntime().availableProcessors() : threads;
    double bytesPerSecond = bandwidth == null ? MemoryBandwidth.measure(measuring) : bandwidth * GIGABYTE;
    double memoryBytes = memory == null ? DoctorCommand.totalMemory() : memory * GIBIBYTE;
    ObjectNode report = JSON.createObjectNode();
    report.put("bandwidth_gb_per_s", bytesPerSecond / GIGABYTE).put("bandwidth_measured", bandwidth == null);
    report.put("memory_gib", memoryBytes / GIBIBYTE).put("context", context);
    ArrayNode list = report.putArray("plans");
    plans.forEach((name, plan) -> describe(list.addObject(), name, plan, bytesPerSecond, (long) memoryBytes));
    PrintWriter out = verb.commandLine().getOut();
    if (json) {
      out.println(JSON.writerWithDefaultPrettyPrinter().writeValueAsString(report));
    } else {
      table(out, report);
    }
  }

  private void describe(ObjectNode entry, String name, ServingPlan plan, double bytesPerSecond, long memoryBytes) {
    entry.put("name", name);
    ArrayNode parameters = entry.putArray("parameters");
    plan.sets().stream().map(WeightBytes::parameters).forEach(parameters::add);
    ArrayNode adapters = entry.putArray("adapter_bytes");
    plan.adapters().forEach(adapter -> adapters.add(adapter.bytes()));
    entry.put("resident_bytes", plan.resident());
    entry.put("read_bytes", plan.read(context));
    entry.put("kv_bytes_per_position", plan.kvBytesPerPosition());
    entry.put("fits", plan.resident() <= memoryBytes);
    entry.put("positions_that_fit", plan.positionsThatFit(memoryBytes));
    entry.put("ms_per_token", plan.read(context) / bytesPerSecond * 1e3);
    entry.put("tokens_per_second", plan.tokensPerSecond(bytesPerSecond, context));
  }

  private static void table(PrintWriter out, ObjectNode report) {
    out.println(String.format(Locale.ROOT, "%.1f GB/s%s, %.1f GiB, %d positions of context, one stream",
        report.get("bandwidth_gb_per_s").asDouble(), report.get("bandwidth_measured").asBoolean() ? " (measured)" : "",
        report.get("memory_gib").asDouble(), report.get("context").asInt()));
    out.println(String.format("%-44s %10s %10s %12s %10s %9s", "", "weights", "a token", "KV a", "positions", "tokens"));
    out.println(String.format("%-44s %10s %10s %12s %10s %9s", "", "GB", "reads GB", "position KB", "that fit", "a second"));
    report.get("plans").forEach(plan -> out.println(String.format(Locale.ROOT, "%-44s %10.3f %10.3f %12.1f %10s %9.2f",
        plan.get("name").asText(), plan.get("resident_bytes").asLong() / GIGABYTE,
        plan.get("read_bytes").asLong() / GIGABYTE, plan.get("kv_bytes_per_position").asLong() / 1e3,
        plan.get("fits").asBoolean() ? plan.get("positions_that_fit").asText() : "none",
        plan.get("tokens_per_second").asDouble())));
  }

  private void requirePositive(String option, Double value) {
    if (value != null && !(value > 0 && value < Double.MAX_VALUE)) {
      throw usage(option + ": expected a number above 0, got " + value);
    }
  }

  private ParameterException usage(String message) {
    return new ParameterException(verb.commandLine(), message);
  }
}
