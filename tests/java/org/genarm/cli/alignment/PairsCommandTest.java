package org.genarm.cli.alignment;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.genarm.cli.CommandLineRun;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class PairsCommandTest {
  @TempDir private Path folder;

  private CommandLineRun pairs(String from, String rows, String... options) throws IOException {
    Path in = Files.writeString(folder.resolve("in.jsonl"), rows);
    String[] arguments = new String[7 + options.length];
    System.arraycopy(new String[] {"pairs", "--from", from, "--in", in.toString(), "--out", out().toString()}, 0, arguments,
        0, 7);
    System.arraycopy(options, 0, arguments, 7, options.length);
    return CommandLineRun.of(arguments);
  }

  private Path out() {
    return folder.resolve("out.jsonl");
  }

  private static String pku(String better, String safer) {
    return "{\"prompt\": \"p\", \"response_0\": \"zero\", \"response_1\": \"one\", \"better_response_id\": " + better
        + ", \"safer_response_id\": " + safer + "}\n";
  }

  @Test
  void pkusColumnsNameTheBetterAndTheSafer() throws IOException {
    assertEquals(0, pairs("pku-better", pku("1", "0")).code());
    assertEquals("{\"prompt\":\"p\",\"chosen\":\"one\",\"rejected\":\"zero\"}\n", Files.readString(out()));

    assertEquals(0, pairs("pku-safer", pku("1", "0")).code());
    assertEquals("{\"prompt\":\"p\",\"chosen\":\"zero\",\"rejected\":\"one\"}\n", Files.readString(out()));
  }

  @Test
  void ultrafeedbacksResponsesAreTheLastMessages() throws IOException {
    String row = "{\"prompt\": \"p\", \"chosen\": [{\"role\": \"user\", \"content\": \"p\"}, {\"role\": \"assistant\","
        + " \"content\": \"good\"}], \"rejected\": [{\"role\": \"assistant\", \"content\": \"bad\"}]}\n";

    assertEquals(0, pairs("ultrafeedback", row).code());

    assertEquals("{\"prompt\":\"p\",\"chosen\":\"good\",\"rejected\":\"bad\"}\n", Files.readString(out()));
  }

  @Test
  void whatIsLeftOutAndHeldOutIsCounted() throws IOException {
    String row = "{\"prompt\": \"p\", \"chosen\": \"c%s\", \"rejected\": \"r\"}\n";
    String rows = row.formatted("1") + row.formatted("2") + row.formatted("x".repeat(50)) + row.formatted("3")
        + "{\"prompt\": \"p\", \"chosen\": \"r\", \"rejected\": \"r\"}\n";
    Path held = folder.resolve("held.jsonl");

    CommandLineRun run =
        pairs("hh", rows, "--max-characters", "40", "--held-out", "1", "--held-out-file", held.toString());

    assertEquals(out() + ": 2 pairs, 1 held out, 1 with equal responses and 1 too long left out" + System.lineSeparator(),
        run.out());
    assertTrue(Files.readString(held).contains("\"c1\""));
    assertEquals(2, Files.readAllLines(out()).size());
  }

  @Test
  void aWrongColumnIsNamed() throws IOException {
    CommandLineRun run = pairs("pku-better", pku("1", "0") + pku("2", "0"));

    assertEquals(3, run.code());
    assertTrue(run.err().contains("in.jsonl: line 2: expected the columns of pku-better, found expected 0 or 1 in"
        + " better_response_id, found 2"), run.err());
  }

  @Test
  void unknownColumnsAreRefused() throws IOException {
    CommandLineRun run = pairs("anthropic", "{}\n");

    assertEquals(2, run.code());
    assertTrue(run.err().contains("--from: expected hh, pku-better, pku-safer or ultrafeedback, got 'anthropic'"),
        run.err());
  }
}
