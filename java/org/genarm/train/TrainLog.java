package org.genarm.train;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.io.Writer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;

/** One JSON object a step. A resumed run drops what its state has not seen and goes on behind it. */
final class TrainLog implements AutoCloseable {
  private static final ObjectMapper MAPPER = new ObjectMapper();

  private final Path file;
  private final Writer out;

  /**
   * @param file null writes nothing
   * @param done steps that are done already
   */
  TrainLog(Path file, long done) {
    this.file = file;
    try {
      if (file == null) {
        out = Writer.nullWriter();
        return;
      }
      List<String> kept = done > 0 && Files.exists(file) ? until(file, done) : List.of();
      Files.write(file, kept);
      out = Files.newBufferedWriter(file, StandardOpenOption.APPEND);
    } catch (IOException failure) {
      throw unwritable(failure);
    }
  }

  void write(StepReport report) {
    try {
      out.write(MAPPER.writeValueAsString(report) + "\n");
      out.flush();
    } catch (IOException failure) {
      throw unwritable(failure);
    }
  }

  @Override
  public void close() {
    try {
      out.close();
    } catch (IOException failure) {
      throw unwritable(failure);
    }
  }

  private UncheckedIOException unwritable(IOException failure) {
    return new UncheckedIOException(file + ": the log cannot be written: " + failure, failure);
  }

  private static List<String> until(Path file, long done) throws IOException {
    List<String> kept = new ArrayList<>();
    for (String line : Files.readAllLines(file)) {
      try {
        if (MAPPER.readTree(line).path("step").asLong(Long.MAX_VALUE) <= done) {
          kept.add(line);
        }
      } catch (JsonProcessingException torn) {
        break;  // the run was killed while writing this line
      }
    }
    return kept;
  }
}
