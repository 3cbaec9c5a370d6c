package org.genarm.openai;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;

/** {@code chat.completion}: a message, or deltas of one. */
final class ChatShape implements ResponseShape {
  private static final JsonNodeFactory NODES = JsonNodeFactory.instance;

  private final LogprobsJson logprobs;
  private final boolean tokenIds;

  /** logprobs: null where they were not asked for. tokenIds: whether each choice tells its tokens' ids. */
  ChatShape(LogprobsJson logprobs, boolean tokenIds) {
    this.logprobs = logprobs;
    this.tokenIds = tokenIds;
  }

  @Override
  public String idPrefix() {
    return "chatcmpl-";
  }

  @Override
  public String wholeObject() {
    return "chat.completion";
  }

  @Override
  public String chunkObject() {
    return "chat.completion.chunk";
  }

  @Override
  public ObjectNode choice(int index, Text text) {
    ObjectNode choice = NODES.objectNode();
    choice.put("index", index);
    choice.putObject("message").put("role", "assistant").put("content", text.text()).putNull("refusal");
    return rest(choice, text);
  }

  @Override
  public ObjectNode delta(int index, Text text, boolean first) {
    if (text.isEmpty() && !first && !tokenIds) {
      return null;
    }
    ObjectNode choice = NODES.objectNode();
    choice.put("index", index);
    ObjectNode delta = choice.putObject("delta");
    if (first) {
      delta.put("role", "assistant");
    }
    if (first || !text.text().isEmpty()) {
      delta.put("content", text.text());
    }
    return rest(choice, text);
  }

  private ObjectNode rest(ObjectNode choice, Text text) {
    choice.set("logprobs", logprobs == null ? null : logprobs.ofChat(text.laws()));
    choice.put("finish_reason", text.reasonLabel());
    if (tokenIds) {
      ArrayNode ids = choice.putArray("token_ids");
      text.tokenIds().forEach(ids::add);
    }
    return choice;
  }
}
