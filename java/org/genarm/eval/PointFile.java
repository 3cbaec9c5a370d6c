package org.genarm.eval;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.genarm.checkpoint.CheckpointException;
import org.genarm.checkpoint.JsonLines;

/** The responses of one grid point as JSONL, in the order of the prompts; a line is there or it is not, whatever happens. */
final class PointFile {
  private static final ObjectMapper JSON = new ObjectMapper();

  private final Path file;
  private final List<ObjectNode> lines = new ArrayList<>();

  private PointFile(Path file) {
    this.file = file;
  }

  /** Takes up what is there: whole lines stay, the beginning of one that was being written goes. */
  static PointFile open(Path file) {
    PointFile opened = new PointFile(file);
    try {
      if (Files.exists(file)) {
        opened.read();
      }
    } catch (IOException unreadable) {
      throw new CheckpointException(file, "a readable file of responses", unreadable);
    }
    return opened;
  }

  private void read() throws IOException {
    byte[] bytes = Files.readAllBytes(file);
    int start = 0;
    for (int i = 0; i < bytes.length; i++) {
      if (bytes[i] == '\n') {
        lines.add(parse(new String(bytes, start, i - start, StandardCharsets.UTF_8)));
        start = i + 1;
      }
    }
    if (start < bytes.length) {
      try (RandomAccessFile begun = new RandomAccessFile(file.toFile(), "rw")) {
        begun.setLength(start);
      }
    }
  }

  private ObjectNode parse(String line) {
    String place = "line " + (lines.size() + 1);
    ObjectNode node = JsonLines.object(file, place, line);
    if (!node.path("response").isTextual() || node.path("index").asInt(-1) != lines.size()) {
      throw new CheckpointException(
          file, place, "the response to prompt " + lines.size(), CheckpointException.quote(line));
    }
    return node;
  }

  /** How many prompts have a response. */
  int size() {
    return lines.size();
  }

  List<ObjectNode> lines() {
    return lines;
  }

  void append(Job job, String prompt, Sample sample) {
    ObjectNode line = JSON.createObjectNode();
    line.put("index", job.index()).put("uid", job.prompt().id()).put("prompt", prompt).put("response", sample.text());
    ArrayNode ids = line.putArray("response_ids");
    sample.tokenIds().forEach(ids::add);
    line.put("finish_reason", sample.finishReason());
    if (!Double.isNaN(sample.klToBase())) {
      line.put("kl_to_base", sample.klToBase());
    }
    line.put("elapsed", sample.elapsedMs() / 1000);
    try (RandomAccessFile end = new RandomAccessFile(file.toFile(), "rw")) {
      end.seek(end.length());
      end.write((JSON.writeValueAsString(line) + "\n").getBytes(StandardCharsets.UTF_8));
    } catch (IOException failure) {
      throw new CheckpointException(file, "a place to write to", failure);
    }
    lines.add(line);
  }

  /** Notes the scores of every response beside it, all at once. */
  void score(Map<String, double[]> scores) {
    StringBuilder text = new StringBuilder();
    for (int i = 0; i < lines.size(); i++) {
      int place = i;
      ObjectNode own = lines.get(i).putObject("scores");
      scores.forEach((name, values) -> own.put(name, values[place]));
      text.append(lines.get(i)).append('\n');
    }
    Path partial = file.resolveSibling(file.getFileName() + ".partial");
    try {
      Files.writeString(partial, text, StandardCharsets.UTF_8);
      Files.move(partial, file, StandardCopyOption.REPLACE_EXISTING, StandardCopyOption.ATOMIC_MOVE);
    } catch (IOException failure) {
      throw new CheckpointException(file, "a place to write to", failure);
    }
  }
}
