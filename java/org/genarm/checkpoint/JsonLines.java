package org.genarm.checkpoint;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.BufferedReader;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;

/** A file of one JSON object a line (JSONL) in UTF-8. What is wrong with it is a {@link CheckpointException}. */
public final class JsonLines implements AutoCloseable {
  private final Path file;
  private final String expected;
  private final BufferedReader lines;
  private int number;

  private JsonLines(Path file, String expected, BufferedReader lines) {
    this.file = file;
    this.expected = expected;
    this.lines = lines;
  }

  /** @param what the file's content, for messages: "pairs" */
  public static JsonLines open(Path file, String what) {
    String expected = "a readable file of " + what + ", one a line";
    if (!Files.exists(file) || Files.isDirectory(file)) { // a pipe is as good as a file
      throw new CheckpointException(file, expected, Files.exists(file) ? "a directory" : "none");
    }
    try {
      return new JsonLines(file, expected, Files.newBufferedReader(file, StandardCharsets.UTF_8));
    } catch (IOException unreadable) {
      throw new CheckpointException(file, expected, unreadable);
    }
  }

  /** The object of the next line that is not blank; null after the last. */
  public ObjectNode next() {
    try {
      for (String line = lines.readLine(); line != null; line = lines.readLine()) {
        number++;
        if (!line.isBlank()) {
          return object(file, place(), line);
        }
      }
      return null;
    } catch (IOException unreadable) {
      throw new CheckpointException(file, expected, unreadable);
    }
  }

  /** Where the last object stood, for messages: "line 7". */
  public String place() {
    return "line " + number;
  }

  /** The object in the text of one line. */
  public static ObjectNode object(Path file, String place, String text) {
    JsonNode node;
    try {
      node = Json.MAPPER.readTree(text);
    } catch (JsonProcessingException broken) {
      throw new CheckpointException(file, place, "a JSON object", Json.reason(broken));
    }
    if (!(node instanceof ObjectNode object)) {
      throw new CheckpointException(file, place, "a JSON object", Json.kind(node));
    }
    return object;
  }

  @Override
  public void close() {
    try {
      lines.close();
    } catch (IOException unreadable) {
      throw new CheckpointException(file, expected, unreadable);
    }
  }
}
