package org.genarm.score;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.BufferedReader;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.genarm.checkpoint.CheckpointException;
import org.genarm.checkpoint.Json;

/** A JSONL file of {@code {"prompt", "response"}}: one object a line, with whatever else stands beside them. */
public record ResponseFile(Path file, List<ObjectNode> lines) {
  private static final ObjectMapper JSON = new ObjectMapper();

  public ResponseFile {
    lines = List.copyOf(lines);
  }

  /** {@link CheckpointException} names the first bad line by its number. */
  public static ResponseFile read(Path file) {
    List<ObjectNode> lines = new ArrayList<>();
    try (BufferedReader reader = Files.newBufferedReader(file, StandardCharsets.UTF_8)) {
      int number = 0;
      for (String line = reader.readLine(); line != null; line = reader.readLine()) {
        number++;
        if (!line.isBlank()) {
          lines.add(object(file, number, line));
        }
      }
    } catch (IOException unreadable) {
      throw new CheckpointException(file, "a readable file of responses, one a line", unreadable);
    }
    return new ResponseFile(file, lines);
  }

  private static ObjectNode object(Path file, int number, String line) {
    JsonNode node;
    try {
      node = JSON.readTree(line);
    } catch (JsonProcessingException broken) {
      throw new CheckpointException(file, "line " + number, "a JSON object", CheckpointException.quote(line));
    }
    for (String field : List.of("prompt", "response")) {
      if (!node.path(field).isTextual()) {
        throw new CheckpointException(file, "line " + number, "a string \"" + field + "\"", Json.kind(node.path(field)));
      }
    }
    return (ObjectNode) node;
  }

  public List<Response> responses() {
    return lines.stream()
        .map(line -> new Response(line.get("prompt").textValue(), line.get("response").textValue()))
        .toList();
  }
}
