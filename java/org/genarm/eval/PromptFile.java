package org.genarm.eval;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.genarm.checkpoint.CheckpointException;
import org.genarm.checkpoint.Json;
import org.genarm.checkpoint.JsonLines;

/**
 * Reads prompts: JSONL or a JSON array of objects with {@code prompt_ids}, {@code prompt} or AlpacaEval's {@code
 * instruction}, and perhaps a {@code uid}. Ids win where an object has both.
 */
public final class PromptFile {
  private static final ObjectMapper JSON = new ObjectMapper();

  private PromptFile() {}

  /**
   * At most the first {@code limit} prompts. {@link CheckpointException} names the first bad one by its number.
   */
  public static List<EvalPrompt> read(Path file, int limit) {
    List<EvalPrompt> prompts = new ArrayList<>();
    try {
      String text = Files.readString(file, StandardCharsets.UTF_8);
      if (text.stripLeading().startsWith("[")) {
        for (JsonNode node : JSON.readTree(text)) {
          add(prompts, file, node, limit);
        }
      } else {
        for (String line : (Iterable<String>) text.lines().filter(any -> !any.isBlank())::iterator) {
          add(prompts, file, JsonLines.object(file, "prompt " + prompts.size(), line), limit);
        }
      }
    } catch (JsonProcessingException broken) {
      throw new CheckpointException(file, "a JSON array or one JSON object a line", Json.reason(broken));
    } catch (IOException unreadable) {
      throw new CheckpointException(file, "a readable file of prompts in UTF-8", unreadable);
    }
    if (prompts.isEmpty()) {
      throw new CheckpointException(file, "at least one prompt", "none");
    }
    return prompts;
  }

  private static void add(List<EvalPrompt> prompts, Path file, JsonNode node, int limit) {
    if (prompts.size() == limit) {
      return;
    }
    String place = "prompt " + prompts.size();
    String id = node.path("uid").isValueNode() ? node.get("uid").asText() : String.valueOf(prompts.size());
    JsonNode text = node.has("prompt") ? node.get("prompt") : node.path("instruction");
    if (node.has("prompt_ids")) {
      prompts.add(new EvalPrompt(id, text.isTextual() ? text.textValue() : null, ids(file, place, node.get("prompt_ids"))));
    } else if (text.isTextual()) {
      prompts.add(new EvalPrompt(id, text.textValue(), null));
    } else {
      throw new CheckpointException(file, place, "a string \"prompt\" or \"instruction\", or \"prompt_ids\"",
          Json.kind(node));
    }
  }

  private static int[] ids(Path file, String place, JsonNode array) {
    int[] ids = new int[array.size()];
    for (int i = 0; i < ids.length; i++) {
      if (!array.get(i).isInt() || array.get(i).intValue() < 0) {
        throw new CheckpointException(file, place, "token ids", Json.kind(array.get(i)));
      }
      ids[i] = array.get(i).intValue();
    }
    if (ids.length == 0) {
      throw new CheckpointException(file, place, "at least one token id", Json.kind(array));
    }
    return ids;
  }
}
