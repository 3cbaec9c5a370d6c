package org.genarm.score;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.genarm.checkpoint.CheckpointException;
import org.genarm.checkpoint.Json;
import org.genarm.checkpoint.JsonLines;

/** A JSONL file of {@code {"prompt", "response"}}: one object a line, with whatever else stands beside them. */
public record ResponseFile(Path file, List<ObjectNode> lines) {
  public ResponseFile {
    lines = List.copyOf(lines);
  }

  /** {@link CheckpointException} names the first bad line by its number. */
  public static ResponseFile read(Path file) {
    List<ObjectNode> lines = new ArrayList<>();
    try (JsonLines read = JsonLines.open(file, "responses")) {
      for (ObjectNode line = read.next(); line != null; line = read.next()) {
        for (String field : List.of("prompt", "response")) {
          if (!line.path(field).isTextual()) {
            throw new CheckpointException(file, read.place(), "a string \"" + field + "\"", Json.kind(line.path(field)));
          }
        }
        lines.add(line);
      }
    }
    return new ResponseFile(file, lines);
  }

  public List<Response> responses() {
    return lines.stream()
        .map(line -> new Response(line.get("prompt").textValue(), line.get("response").textValue()))
        .toList();
  }
}
