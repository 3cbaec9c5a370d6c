package org.genarm.openai;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.OptionalLong;
import java.util.function.IntFunction;

/** What stands around the choices of a response or a chunk. */
public final class Envelope {
  private final String id;
  private final String model;
  private final ResponseShape shape;
  private final OptionalLong seed;
  private final long created;

  /**
   * seed: the one that gives the same tokens again; empty where several prompts drew their own. created: seconds since
   * 1970.
   */
  public Envelope(String id, String model, ResponseShape shape, OptionalLong seed, long created) {
    this.id = id;
    this.model = model;
    this.shape = shape;
    this.seed = seed;
    this.created = created;
  }

  private ObjectNode around(String object) {
    ObjectNode envelope = JsonNodeFactory.instance.objectNode();
    envelope.put("id", id).put("object", object).put("created", created).put("model", model);
    seed.ifPresent(value -> envelope.put("seed", value));
    return envelope;
  }

  ObjectNode whole(IntFunction<ObjectNode> choice, int count, Job.Usage usage) {
    ObjectNode whole = around(shape.wholeObject());
    ArrayNode choices = whole.putArray("choices");
    for (int index = 0; index < count; index++) {
      choices.add(choice.apply(index));
    }
    whole.set("usage", json(usage));
    return whole;
  }

  /** usageFollows: every chunk then has a usage, null in all but the last. */
  public ObjectNode chunk(ObjectNode choice, boolean usageFollows) {
    ObjectNode chunk = around(shape.chunkObject());
    chunk.putArray("choices").add(choice);
    if (usageFollows) {
      chunk.putNull("usage");
    }
    return chunk;
  }

  public ObjectNode usageChunk(Job.Usage usage) {
    ObjectNode chunk = around(shape.chunkObject());
    chunk.putArray("choices");
    chunk.set("usage", json(usage));
    return chunk;
  }

  private static ObjectNode json(Job.Usage usage) {
    return JsonNodeFactory.instance.objectNode()
        .put("prompt_tokens", usage.promptTokens())
        .put("completion_tokens", usage.completionTokens())
        .put("total_tokens", usage.promptTokens() + usage.completionTokens());
  }
}
