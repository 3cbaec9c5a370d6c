package org.genarm.cli.measure;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.List;

/** What several measurements of one thing say: their middle, their tails, and the best of them. */
final class Spread {
  private Spread() {}

  /** Every value multiplied with {@code unit}. */
  static ObjectNode of(List<Double> values, double unit) {
    List<Double> sorted = values.stream().sorted().toList();
    ObjectNode spread = JsonNodeFactory.instance.objectNode();
    spread.put("mean", values.stream().mapToDouble(Double::doubleValue).average().orElseThrow() * unit);
    spread.put("min", sorted.get(0) * unit);
    spread.put("p50", median(values) * unit);
    spread.put("p90", percentile(sorted, 0.90) * unit);
    spread.put("p99", percentile(sorted, 0.99) * unit);
    spread.put("max", sorted.get(sorted.size() - 1) * unit);
    return spread;
  }

  static double median(List<Double> values) {
    List<Double> sorted = values.stream().sorted().toList();
    int middle = sorted.size() / 2;
    return sorted.size() % 2 == 1 ? sorted.get(middle) : (sorted.get(middle - 1) + sorted.get(middle)) / 2;
  }

  /** The smallest value that this share of all does not exceed. */
  private static double percentile(List<Double> sorted, double share) {
    return sorted.get(Math.max(0, (int) Math.ceil(share * sorted.size()) - 1));
  }
}
