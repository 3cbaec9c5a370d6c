package org.genarm.cli.measure;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.IntFunction;
import org.genarm.checkpoint.CheckpointException;
import org.genarm.checkpoint.JsonLines;

/** The bodies of a serving bench's requests, by number: random prompts of one length, or those of a file in turns. */
final class BenchPrompts {
  private static final ObjectMapper JSON = new ObjectMapper();

  private final BenchClient client;
  private final BenchOptions options;
  private final IntFunction<ObjectNode> prompts;

  private BenchPrompts(BenchClient client, BenchOptions options, IntFunction<ObjectNode> prompts) {
    this.client = client;
    this.options = options;
    this.prompts = prompts;
  }

  /** Prompts of random ids. */
  static BenchPrompts random(BenchClient client, BenchOptions options) {
    if (client.vocabSize() == 0) {
      throw new IllegalArgumentException("the server does not tell the size of its vocabulary: give --prompts");
    }
    return new BenchPrompts(client, options, number -> {
      ObjectNode body = JSON.createObjectNode();
      ArrayNode ids = body.putArray("prompt");
      for (int id : options.prompt(number, client.vocabSize())) {
        ids.add(id);
      }
      return body;
    });
  }

  /**
   * Prompts of a file, an object a line: a request's body, or a line of OpenAI's batches, which has it as {@code body}.
   *
   * @throws CheckpointException names the first line that has neither a prompt nor messages
   */
  static BenchPrompts read(Path file, BenchClient client, BenchOptions options) {
    List<ObjectNode> bodies = new ArrayList<>();
    try (JsonLines lines = JsonLines.open(file, "prompts")) {
      for (ObjectNode line = lines.next(); line != null; line = lines.next()) {
        bodies.add(body(file, lines.place(), line));
      }
    }
    if (bodies.isEmpty()) {
      throw new CheckpointException(file, "at least one prompt", "none");
    }
    return new BenchPrompts(client, options, number -> bodies.get(Math.floorMod(number, bodies.size())).deepCopy());
  }

  private static ObjectNode body(Path file, String place, ObjectNode line) {
    ObjectNode body = line.path("body") instanceof ObjectNode inner ? inner : line;
    if (body.has("prompt") || body.has("messages")) {
      return body;
    }
    throw new CheckpointException(file, place, "a prompt or messages", "neither");
  }

  /** The request of this number; what the file says of it stands, but that it streams and what weighs. */
  ObjectNode body(int number, Map<String, Double> weights) {
    ObjectNode body = prompts.apply(number);
    if (!body.has("max_tokens") && !body.has("max_completion_tokens")) {
      body.put("max_tokens", options.outputLength());
      body.put("ignore_eos", true);
    }
    if (!body.has("temperature")) {
      body.put("temperature", options.temperature());
    }
    if (!body.has("seed")) {
      body.put("seed", number);
    }
    body.put("model", client.model()).put("stream", true).put("return_token_ids", true);
    body.putObject("stream_options").put("include_usage", true);
    if (!weights.isEmpty()) {
      ObjectNode guidance = body.withObject("guidance").withObject("weights");
      weights.forEach(guidance::put);
    }
    return body;
  }
}
