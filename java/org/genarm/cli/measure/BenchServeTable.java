package org.genarm.cli.measure;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.PrintWriter;
import java.util.List;
import java.util.Locale;

/** The human form of a serving bench: the guided run, the same with every weight 0, and what guidance costs. */
final class BenchServeTable {
  private static final List<String> COUNTS = List.of("completed", "failed", "peak_concurrency");
  private static final List<String> RATES =
      List.of("requests_per_second", "tokens_per_second", "total_tokens_per_second");
  private static final List<String> TIMES = List.of("elapsed_s", "time_to_first_token_ms", "inter_token_ms",
      "time_per_output_token_ms", "end_to_end_ms");
  private static final List<String> PARTS = List.of("mean", "p50", "p90", "p99");

  private final PrintWriter out;

  private BenchServeTable(PrintWriter out) {
    this.out = out;
  }

  /** guided, unguided: with the same names. */
  static void print(PrintWriter out, ObjectNode guided, ObjectNode unguided) {
    BenchServeTable table = new BenchServeTable(out);
    table.line("", "guided", "weights 0", "price");
    for (String name : COUNTS) {
      table.line(name, guided.get(name).asText(), unguided.get(name).asText(), "");
    }
    for (String name : RATES) {
      table.row(name, guided.get(name), unguided.get(name), true);
    }
    for (String name : TIMES) {
      JsonNode with = guided.path(name);
      if (with.isNumber()) {
        table.row(name, with, unguided.path(name), false);
      } else if (with.isObject()) {
        PARTS.forEach(part -> table.row(name + " " + part, with.get(part), unguided.path(name).path(part), false));
      }
    }
  }

  private void row(String name, JsonNode guided, JsonNode unguided, boolean moreIsBetter) {
    double with = guided.asDouble();
    double without = unguided.asDouble();
    line(name, number(with), number(without), number(moreIsBetter ? without / with : with / without));
  }

  private static String number(double value) {
    return String.format(Locale.ROOT, "%.2f", value);
  }

  private void line(String name, String guided, String unguided, String price) {
    out.println(String.format("%-32s %12s %12s %8s", name, guided, unguided, price).stripTrailing());
  }
}
