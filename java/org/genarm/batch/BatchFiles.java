package org.genarm.batch;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Objects;
import org.genarm.checkpoint.CheckpointException;
import org.genarm.openai.OpenAiError;
import org.genarm.openai.StrictJson;

/**
 * A batch's input and output. The output is appended to, a whole line at a time, and reaches the disk at least every
 * second: whatever ends a run, the output is a beginning of the whole, and perhaps a torn line, which is dropped when
 * the run goes on.
 */
public final class BatchFiles implements AutoCloseable {
  /** The longest line that is held: what the server takes by default. */
  static final int MAX_LINE_BYTES = 4 << 20;

  private static final long SYNC_NANOS = 1_000_000_000L;

  private final InputFile input;
  private final FileChannel output;
  private final long inputBytes;
  private final long resumedLines;
  private final CustomIds seen;
  private long syncedNanos = System.nanoTime();

  private BatchFiles(InputFile input, FileChannel output, long inputBytes, long resumedLines, CustomIds seen) {
    this.input = input;
    this.output = output;
    this.inputBytes = inputBytes;
    this.resumedLines = resumedLines;
    this.seen = seen;
  }

  /**
   * Opens both.
   *
   * @param resume whether an output that is there is gone on with; without, there must be none
   * @throws CheckpointException where a file cannot be read or written, or the output does not belong to the input
   */
  public static BatchFiles open(Path in, Path out, boolean resume) {
    InputFile input = openInput(in);
    try {
      FileChannel output = openOutput(out, resume);
      try {
        CustomIds seen = new CustomIds();
        long resumed = resume ? resume(in, input, out, output, seen) : 0;
        return new BatchFiles(input, output, Files.size(in), resumed, seen);
      } catch (IOException | RuntimeException e) {
        output.close();
        throw e;
      }
    } catch (IOException e) {
      input.close();
      throw new CheckpointException(out, "a file to write to", e);
    } catch (RuntimeException e) {
      input.close();
      throw e;
    }
  }

  private static InputFile openInput(Path in) {
    try {
      return new InputFile(in, MAX_LINE_BYTES);
    } catch (IOException e) {
      throw new CheckpointException(in, "a readable file of requests", e);
    }
  }

  private static FileChannel openOutput(Path out, boolean resume) throws IOException {
    FileChannel output = FileChannel.open(out, StandardOpenOption.WRITE,
        resume ? StandardOpenOption.CREATE : StandardOpenOption.CREATE_NEW);
    if (!isLocked(output)) {
      output.close();
      throw new CheckpointException(out, "a file that nobody else writes", "another run's lock");
    }
    return output;
  }

  private static boolean isLocked(FileChannel output) throws IOException {
    try {
      return output.tryLock() != null;
    } catch (OverlappingFileLockException thisJvm) {
      return false;
    }
  }

  /** Passes over the input's lines that are answered, drops a torn one, and returns how many there are. */
  private static long resume(Path in, InputFile input, Path out, FileChannel output, CustomIds seen)
      throws IOException {
    long kept = 0;
    long answered = 0;
    try (InputFile answers = new InputFile(out, Integer.MAX_VALUE - 8)) {
      for (LineSource.Line answer = answers.next(); answer != null; answer = answers.next()) {
        if (answers.bytesRead() == kept + answer.bytes().length) {
          break; // no end of line: it is torn
        }
        LineSource.Line line = input.next();
        if (line == null) {
          throw new CheckpointException(out, "the answers to " + in, "more lines than that has requests");
        }
        requireAnswers(out, answer, line, seen);
        kept = answers.bytesRead();
        answered++;
      }
    }
    output.truncate(kept);
    output.position(kept);
    return answered;
  }

  private static void requireAnswers(Path out, LineSource.Line answer, LineSource.Line line, CustomIds seen) {
    String field = "line " + answer.number();
    ObjectNode json;
    try {
      json = StrictJson.parse(answer.bytes());
    } catch (OpenAiError e) {
      throw new CheckpointException(out, field, "an answer of a batch", e.getMessage());
    }
    String expected =
        line.bytes() == null ? null : seen.requireNew(BatchLine.parse(line.number(), line.bytes())).customId();
    String found = json.path("custom_id").textValue();
    if (!json.has("custom_id") || !Objects.equals(expected, found)) {
      throw new CheckpointException(out, field, "custom_id " + expected + " as in line " + line.number()
          + " of the input", json.has("custom_id") ? String.valueOf(found) : "none");
    }
  }

  /** Where the requests come from that are not answered yet. */
  LineSource input() {
    return input;
  }

  /** The custom_ids of the lines that an earlier run answered, and of those that this one reads. */
  CustomIds seen() {
    return seen;
  }

  /** Lines that an earlier run answered. */
  public long resumedLines() {
    return resumedLines;
  }

  /** Bytes of the input, 0 where it is no file. */
  public long inputBytes() {
    return inputBytes;
  }

  /** Bytes of the input that have been read. */
  public long inputBytesRead() {
    return input.bytesRead();
  }

  void write(byte[] json) {
    ByteBuffer line = ByteBuffer.allocate(json.length + 1).put(json).put((byte) '\n').flip();
    try {
      while (line.hasRemaining()) {
        output.write(line);
      }
      if (System.nanoTime() - syncedNanos > SYNC_NANOS) {
        sync();
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private void sync() throws IOException {
    output.force(false);
    syncedNanos = System.nanoTime();
  }

  @Override
  public void close() {
    try (InputFile read = input; FileChannel written = output) {
      sync();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
