package org.genarm.cli.console;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.PrintWriter;
import java.math.BigDecimal;
import java.math.MathContext;
import java.util.ArrayList;
import java.util.List;

/** The human form of a JSON report: a line for each field, a line for each element of a list of objects. */
public final class Report {
  private static final int NAME_WIDTH = 18;
  private static final MathContext SHOWN = new MathContext(6);

  private Report() {}

  public static void print(PrintWriter out, JsonNode report) {
    report
        .properties()
        .forEach(
            field -> {
              JsonNode value = field.getValue();
              if (value.isArray() && value.size() > 0 && value.get(0).isObject()) {
                out.println(field.getKey());
                value.forEach(element -> out.println("  " + values(element, "  ")));
              } else if (!value.isNull()) {
                out.println(String.format("%-" + NAME_WIDTH + "s %s", field.getKey(), text(value)));
              }
            });
  }

  private static String text(JsonNode value) {
    if (value.isObject()) {
      List<String> parts = new ArrayList<>();
      value.properties().forEach(part -> parts.add(part.getKey() + " " + text(part.getValue())));
      return String.join(", ", parts);
    }
    if (value.isFloatingPointNumber() && Double.isFinite(value.doubleValue())) {
      return new BigDecimal(value.doubleValue()).round(SHOWN).stripTrailingZeros().toPlainString();
    }
    return value.isArray() ? "[" + values(value, ", ") + "]" : value.asText();
  }

  private static String values(JsonNode node, String separator) {
    List<String> parts = new ArrayList<>();
    node.forEach(part -> parts.add(text(part)));
    return String.join(separator, parts);
  }
}
