package org.genarm.batch;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.genarm.checkpoint.CheckpointException;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class BatchFilesTest {
  @TempDir Path folder;
  private Path in;
  private Path out;

  @BeforeEach
  void paths() {
    in = folder.resolve("in.jsonl");
    out = folder.resolve("out.jsonl");
  }

  private static String request(String id) {
    return "{\"custom_id\": \"" + id + "\", \"method\": \"POST\", \"url\": \"/v1/completions\", \"body\": {}}";
  }

  private static String answer(String id) {
    return "{\"id\":\"x\",\"custom_id\":" + id + ",\"response\":null,\"error\":null}";
  }

  private List<Long> numbersLeft(boolean resume) {
    List<Long> numbers = new ArrayList<>();
    try (BatchFiles files = BatchFiles.open(in, out, resume)) {
      for (LineSource.Line line = files.input().next(); line != null; line = files.input().next()) {
        numbers.add(line.number());
      }
    }
    return numbers;
  }

  private String refusal() {
    return assertThrows(CheckpointException.class, () -> BatchFiles.open(in, out, true)).getMessage();
  }

  @Test
  void emptyLinesAreCountedAndPassedOverAndTheLastNeedsNoEnd() throws IOException {
    Files.writeString(in, request("a") + "\r\n\n  \t\n" + request("b") + "\n\n" + request("c"));

    assertEquals(List.of(1L, 4L, 6L), numbersLeft(false));
  }

  @Test
  void aRunGoesOnBehindTheLastWholeAnswer() throws IOException {
    Files.writeString(in, request("a") + "\n\nnonsense\n" + request("c") + "\n" + request("d") + "\n");
    String whole = answer("\"a\"") + "\n" + answer("null") + "\n";
    Files.writeString(out, whole + answer("\"c\""));

    assertEquals(List.of(4L, 5L), numbersLeft(true));
    assertEquals(whole, Files.readString(out), "the torn line is gone");
  }

  @Test
  void whatIsWrittenIsAppended() throws IOException {
    Files.writeString(in, request("a") + "\n" + request("b") + "\n");
    Files.writeString(out, answer("\"a\"") + "\n");

    try (BatchFiles files = BatchFiles.open(in, out, true)) {
      assertEquals(1, files.resumedLines());
      files.write("one".getBytes(StandardCharsets.UTF_8));
    }

    assertEquals(answer("\"a\"") + "\none\n", Files.readString(out));
  }

  @Test
  void aResumedRunMayHaveNothingToGoOnWith() throws IOException {
    Files.writeString(in, request("a") + "\n");

    assertEquals(List.of(1L), numbersLeft(true));
    Files.writeString(out, "{\"torn");
    assertEquals(List.of(1L), numbersLeft(true));
  }

  @Test
  void answersToOtherRequestsAreRefusedAndLeftAsTheyAre() throws IOException {
    Files.writeString(in, "\n" + request("a") + "\n");
    String other = answer("\"b\"") + "\n" + "{\"torn";
    Files.writeString(out, other);

    assertTrue(refusal().endsWith("line 1: expected custom_id a as in line 2 of the input, found b"), refusal());
    assertEquals(other, Files.readString(out));
  }

  @Test
  void whatIsNoAnswerAndMoreAnswersThanRequestsAreRefused() throws IOException {
    Files.writeString(in, request("a") + "\n");

    Files.writeString(out, "no answer\n");
    assertTrue(refusal().contains("expected an answer of a batch"), refusal());
    Files.writeString(out, answer("\"a\"") + "\n" + answer("\"b\"") + "\n");
    assertTrue(refusal().endsWith("more lines than that has requests"), refusal());
  }

  @Test
  void twoRunsDoNotWriteTheSameOutput() throws IOException {
    Files.writeString(in, request("a") + "\n");

    try (BatchFiles first = BatchFiles.open(in, out, true)) {
      assertEquals(0, first.resumedLines());
      assertTrue(refusal().endsWith("expected a file that nobody else writes, found another run's lock"), refusal());
    }
  }

  @Test
  void aLineThatIsTooLongIsCountedAndNotHeld() throws IOException {
    Files.writeString(in, "x".repeat(BatchFiles.MAX_LINE_BYTES + 1) + "\n" + request("a") + "\n");

    try (BatchFiles files = BatchFiles.open(in, out, false)) {
      assertNull(files.input().next().bytes());
      assertEquals(2, files.input().next().number());
    }
  }

  @Test
  void theCustomIdsOfAnsweredLinesAreKnownWhenARunGoesOn() throws IOException {
    Files.writeString(in, "\n" + request("a") + "\n" + request("b") + "\n" + request("a") + "\n");
    Files.writeString(out, answer("\"a\"") + "\n");

    try (BatchFiles files = BatchFiles.open(in, out, true)) {
      assertNull(refusal(files), "b is new");
      assertEquals("custom_id is that of line 2 already", refusal(files));
    }
  }

  private static String refusal(BatchFiles files) {
    LineSource.Line line = files.input().next();
    return files.seen().requireNew(BatchLine.parse(line.number(), line.bytes())).refusal();
  }

  @Test
  void aFileThatIsNotThereIsNamed() {
    assertTrue(refusal().startsWith(in.toString()), refusal());
  }
}
