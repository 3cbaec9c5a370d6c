package org.genarm.cli.measure;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.PrintWriter;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.genarm.GenArm;
import org.genarm.binding.ProfiledOperation;
import org.genarm.engine.StepProfile;

/** Sums what each operation took over steps of one kind, beside what the machine can do. */
final class OperationTable {
  private static final ObjectMapper JSON = new ObjectMapper();
  /** Below this share of either ceiling, neither memory nor arithmetic is what takes the time. */
  private static final double BOUND_SHARE = 0.25;

  private static final class Sum {
    final List<Double> micros = new ArrayList<>();
    double nanos;
    double bytes;
    double flops;
  }

  private final String phase;
  private final Ceiling ceiling;
  private final Map<String, Sum> sums = new LinkedHashMap<>();
  private int steps;
  private double wallNanos;
  private double baseNanos;
  private double armNanos;

  OperationTable(String phase, Ceiling ceiling) {
    this.phase = phase;
    this.ceiling = ceiling;
  }

  void add(StepProfile step) {
    steps++;
    wallNanos += step.nanos();
    for (ProfiledOperation operation : step.operations()) {
      Sum sum = sums.computeIfAbsent(operation.operation(), name -> new Sum());
      sum.micros.add(operation.nanos() * 1e-3);
      sum.nanos += operation.nanos();
      sum.bytes += operation.bytes();
      sum.flops += operation.flops();
      // Stages of several weight sets run together: their time is shared out by the bytes that each reads.
      double base = operation.bytes() == 0 ? 1 : (double) operation.firstBytes() / operation.bytes();
      baseNanos += isHead(operation.operation()) ? 0 : base * operation.nanos();
      armNanos += isHead(operation.operation()) ? 0 : (1 - base) * operation.nanos();
    }
  }

  private static boolean isHead(String operation) {
    return isCombine(operation) || operation.equals("sample") || operation.equals("log_softmax");
  }

  private static boolean isCombine(String operation) {
    return operation.equals("final_norm") || operation.equals("lm_head");
  }

  /** Whether a step reads prompts, beside whatever else it does. */
  static boolean isPrompt(StepProfile step, GenArm genArm) {
    return step.rows() > step.drawn() * (genArm.arms().size() + 1);
  }

  /** Adds the tables that have steps to the report's phases. */
  static void put(ObjectNode report, OperationTable... tables) {
    for (OperationTable table : tables) {
      if (table.steps > 0) {
        report.withArray("phases").add(table.report());
      }
    }
  }

  private ObjectNode report() {
    ObjectNode report = JSON.createObjectNode();
    report.put("phase", phase).put("steps", steps).put("wall_ms", wallNanos * 1e-6);
    double operationNanos = sums.values().stream().mapToDouble(sum -> sum.nanos).sum();
    double bytes = sums.values().stream().mapToDouble(sum -> sum.bytes).sum();
    report.put("operations_ms", operationNanos * 1e-6).put("operations_share", operationNanos / wallNanos);
    report.put("bytes_per_step", bytes / steps).put("gb_per_second", bytes / wallNanos);
    report.put("share_of_bandwidth", bytes / (wallNanos * 1e-9) / ceiling.bytesPerSecond());
    report.set("shares", shares(operationNanos));
    ArrayNode operations = report.putArray("operations");
    sums.forEach((name, sum) -> operations.add(row(name, sum)));
    return report;
  }

  /** Of the steps' time: the layers of the base and of the reward models, the LM heads, drawing, and the host. */
  private ObjectNode shares(double operationNanos) {
    double combine = sums.entrySet().stream()
        .filter(sum -> isCombine(sum.getKey()))
        .mapToDouble(sum -> sum.getValue().nanos)
        .sum();
    double sample = operationNanos - baseNanos - armNanos - combine;
    return JSON.createObjectNode()
        .put("base", baseNanos / wallNanos)
        .put("arms", armNanos / wallNanos)
        .put("combine", combine / wallNanos)
        .put("sample", sample / wallNanos)
        .put("host", 1 - operationNanos / wallNanos);
  }

  private ObjectNode row(String name, Sum sum) {
    double memory = sum.bytes / ceiling.bytesPerSecond() * 1e9 / sum.nanos;
    double arithmetic = sum.flops / ceiling.flopsPerSecond() * 1e9 / sum.nanos;
    double share = Math.max(memory, arithmetic);
    String bound = share < BOUND_SHARE ? "overhead" : memory >= arithmetic ? "memory" : "arithmetic";
    return JSON.createObjectNode()
        .put("operation", name)
        .put("calls", sum.micros.size())
        .put("total_ms", sum.nanos * 1e-6)
        .put("median_us", Spread.median(sum.micros))
        .put("bytes", sum.bytes)
        .put("flops", sum.flops)
        .put("gb_per_second", sum.bytes / sum.nanos)
        .put("gflop_per_second", sum.flops / sum.nanos)
        .put("share_of_ceiling", share)
        .put("bound", bound);
  }

  static void print(PrintWriter out, ObjectNode report) {
    out.printf("%n%s: %d steps, %.2f ms each, %.3f GB and %.1f GB/s (%.0f %% of the measured reads)%n",
        report.path("phase").asText(), report.path("steps").asInt(),
        report.path("wall_ms").asDouble() / report.path("steps").asInt(), report.path("bytes_per_step").asDouble() * 1e-9,
        report.path("gb_per_second").asDouble(), 100 * report.path("share_of_bandwidth").asDouble());
    List<String> shares = new ArrayList<>();
    report.path("shares").properties().forEach(
        share -> shares.add("%s %.1f %%".formatted(share.getKey(), 100 * share.getValue().asDouble())));
    out.println("time: " + String.join(", ", shares));
    out.printf("%-12s %7s %10s %10s %9s %8s %9s %8s  %s%n",
        "operation", "calls", "total ms", "median us", "GB", "GB/s", "GFLOP/s", "ceiling", "bound");
    report.path("operations").forEach(row -> out.printf("%-12s %7d %10.2f %10.1f %9.3f %8.1f %9.1f %6.0f %%  %s%n",
        row.path("operation").asText(), row.path("calls").asInt(), row.path("total_ms").asDouble(),
        row.path("median_us").asDouble(), row.path("bytes").asDouble() * 1e-9, row.path("gb_per_second").asDouble(),
        row.path("gflop_per_second").asDouble(), 100 * row.path("share_of_ceiling").asDouble(), row.path("bound").asText()));
  }
}
