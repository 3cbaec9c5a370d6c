package org.genarm.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import org.genarm.cli.console.ExitCode;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class BatchCommandTest {
  private static final int REQUESTS = 300;

  @TempDir Path folder;

  private List<String> arguments(Path in, Path out, String... options) {
    List<String> arguments = new ArrayList<>(List.of("batch", "--base", "models/demo-base", "--arm",
        "positive=models/demo-arm-positive", "--max-num-seqs", "8", "--in", in.toString(), "--out", out.toString()));
    arguments.addAll(List.of(options));
    return arguments;
  }

  private CommandLineRun run(Path in, Path out, String... options) {
    return CommandLineRun.of(arguments(in, out, options).toArray(String[]::new));
  }

  private Path requests() throws IOException {
    StringBuilder lines = new StringBuilder();
    for (int i = 0; i < REQUESTS; i++) {
      lines.append(i % 50 == 49 ? "not a request\n" : String.format(
          "{\"custom_id\": \"r%d\", \"method\": \"POST\", \"url\": \"/v1/completions\", \"body\": {\"prompt\": \"In %d\","
              + " \"max_tokens\": %d, \"ignore_eos\": true, \"guidance\": {\"weights\": {\"positive\": %d}}%s}}%n",
          i, i, 20 + i % 60, i % 3, i % 2 == 0 ? ", \"seed\": " + i : ""));
    }
    return Files.writeString(folder.resolve("in.jsonl"), lines);
  }

  @Test
  void aKilledRunGoesOnWithoutLossOrDuplicatesByteForByte() throws Exception {
    Path in = requests();
    Path whole = folder.resolve("whole.jsonl");
    Path cut = folder.resolve("cut.jsonl");
    assertEquals(ExitCode.OK, run(in, whole).code());

    int kills = 0;
    for (long least = 1; least < REQUESTS; least += REQUESTS / 3) {
      kills += killOnceItHas(least, in, cut);
    }
    CommandLineRun last = run(in, cut, "--resume");

    assertTrue(kills >= 1, "it was never killed in the middle");
    assertEquals(ExitCode.OK, last.code(), last.err());
    assertEquals(Files.readString(whole), Files.readString(cut));
    assertTrue(last.out().contains(" had been before"), last.out());
    assertEquals(REQUESTS, Files.readAllLines(cut).size());
  }

  /** 1 if the process was killed by SIGKILL before it had come to its end. */
  private int killOnceItHas(long lines, Path in, Path out) throws Exception {
    List<String> command = new ArrayList<>(List.of(
        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
        "-cp", System.getProperty("java.class.path"), Main.class.getName()));
    command.addAll(arguments(in, out, "--resume"));
    Process process = new ProcessBuilder(command).redirectErrorStream(true)
        .redirectOutput(folder.resolve("said").toFile()).start();
    while (process.isAlive() && (!Files.exists(out) || lines(out) < lines)) {
      Thread.sleep(2);
    }
    process.destroyForcibly().waitFor();
    // As a power cut would leave it: the line that was being written is torn.
    if (process.exitValue() != 0) {
      Files.writeString(out, "{\"id\":\"batch_req_", StandardOpenOption.APPEND);
    }
    return process.exitValue() == 0 ? 0 : 1;
  }

  private static long lines(Path file) throws IOException {
    try (var lines = Files.lines(file)) {
      return lines.count();
    }
  }

  @Test
  void theSummaryCountsAndRefusedLinesDoNotFailTheRun() throws Exception {
    Path in = Files.writeString(folder.resolve("in.jsonl"), "bad\n{\"custom_id\": \"a\", \"method\": \"POST\", \"url\":"
        + " \"/v1/completions\", \"body\": {\"prompt\": \"The\", \"max_tokens\": 3, \"ignore_eos\": true}}\n"
        + "{\"custom_id\": \"a\", \"method\": \"POST\", \"url\": \"/v1/completions\", \"body\": {\"prompt\": \"The\"}}\n");
    Path out = folder.resolve("out.jsonl");

    CommandLineRun run = run(in, out, "--json");

    assertEquals(ExitCode.OK, run.code(), run.err());
    JsonNode summary = new ObjectMapper().readTree(run.out());
    assertEquals(3, summary.get("lines").asInt());
    assertEquals(2, summary.get("refused").asInt());
    assertEquals("line 3: custom_id is that of line 2 already",
        new ObjectMapper().readTree(Files.readAllLines(out).get(2)).at("/error/message").asText());
    assertEquals(3, summary.get("completion_tokens").asInt());
    assertEquals("", run.err(), "no bar where there is no terminal");
  }

  @Test
  void anOutputThatIsThereIsNotOverwritten() throws Exception {
    Path in = requests();
    Path out = Files.writeString(folder.resolve("out.jsonl"), "mine");

    CommandLineRun run = run(in, out);

    assertEquals(ExitCode.USAGE, run.code());
    assertTrue(run.err().contains("is there already: --resume goes on"), run.err());
    assertEquals("mine", Files.readString(out));
  }

  @Test
  void filesThatCannotBeUsedEndWithThree() throws Exception {
    Path in = requests();
    Path other = Files.writeString(folder.resolve("other.jsonl"), "{\"custom_id\":\"z\"}\n");

    assertEquals(ExitCode.FILES, run(folder.resolve("none"), folder.resolve("out")).code());
    CommandLineRun mismatch = run(in, other, "--resume");
    assertEquals(ExitCode.FILES, mismatch.code());
    assertTrue(mismatch.err().contains("expected custom_id r0 as in line 1 of the input, found z"), mismatch.err());
    assertNotEquals(0, Files.size(other));
  }
}
