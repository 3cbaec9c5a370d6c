package org.genarm.cli.console;

import static org.junit.jupiter.api.Assertions.assertEquals;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.PrintWriter;
import java.io.StringWriter;
import org.junit.jupiter.api.Test;

class ReportTest {
  @Test
  void numbersForPeopleHaveSixDigitsAndCountsHaveAll() {
    ObjectNode report = JsonNodeFactory.instance.objectNode();
    report.put("bytes", 25276502016L).put("rope_theta", 500000.0).put("eps", 1e-5).put("none", Double.NaN);
    report.putObject("latency_ms").put("min", 13.030356000000001).put("max", 20.141633000000002);
    StringWriter text = new StringWriter();

    Report.print(new PrintWriter(text, true), report);

    assertEquals(
        """
        bytes              25276502016
        rope_theta         500000
        eps                0.00001
        none               NaN
        latency_ms         min 13.0304, max 20.1416
        """, text.toString());
  }
}
