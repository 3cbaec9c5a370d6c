package org.genarm.openai;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.HashMap;
import java.util.Map;

/** {@code text_completion}: a chunk and a whole response look alike. */
final class CompletionsShape implements ResponseShape {
  private final LogprobsJson logprobs;
  private final boolean tokenIds;
  private final Map<Integer, Integer> offsets = new HashMap<>();

  /** logprobs: null where they were not asked for. tokenIds: whether each choice tells its tokens' ids. */
  CompletionsShape(LogprobsJson logprobs, boolean tokenIds) {
    this.logprobs = logprobs;
    this.tokenIds = tokenIds;
  }

  @Override
  public String idPrefix() {
    return "cmpl-";
  }

  @Override
  public String wholeObject() {
    return "text_completion";
  }

  @Override
  public String chunkObject() {
    return "text_completion";
  }

  @Override
  public ObjectNode choice(int index, Text text) {
    ObjectNode choice = JsonNodeFactory.instance.objectNode();
    choice.put("index", index);
    choice.put("text", text.echo() == null ? text.text() : text.echo().text() + text.text());
    choice.set("logprobs", logprobs == null ? null : logprobs(index, text));
    choice.put("finish_reason", text.reasonLabel());
    if (tokenIds) {
      ArrayNode ids = choice.putArray("token_ids");
      text.tokenIds().forEach(ids::add);
    }
    return choice;
  }

  private ObjectNode logprobs(int index, Text text) {
    int from = offsets.getOrDefault(index, 0);
    offsets.put(index, from + logprobs.characters(text));
    return logprobs.ofCompletion(text, from);
  }

  @Override
  public ObjectNode delta(int index, Text text, boolean first) {
    return text.isEmpty() && !tokenIds ? null : choice(index, text);
  }
}
