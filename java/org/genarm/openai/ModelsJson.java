package org.genarm.openai;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.time.Instant;
import java.util.List;
import org.genarm.GenArm;

/** {@code /v1/models}: the base, which requests name as their model, and the reward models, which guidance names. */
public final class ModelsJson {
  private final GenArm genArm;
  private final String modelName;
  private final long created = Instant.now().getEpochSecond();

  public ModelsJson(GenArm genArm, String modelName) {
    this.genArm = genArm;
    this.modelName = modelName;
  }

  public ObjectNode list() {
    ObjectNode list = JsonNodeFactory.instance.objectNode();
    list.put("object", "list");
    ArrayNode data = list.putArray("data");
    data.add(base());
    genArm.arms().forEach(arm -> data.add(arm(arm)));
    return list;
  }

  public ObjectNode one(String id) {
    if (id.equals(modelName)) {
      return base();
    }
    if (genArm.arms().contains(id)) {
      return arm(id);
    }
    throw OpenAiError.notFound("model_not_found", "the model " + id + " does not exist");
  }

  /** A 404 unless requests may generate with this name; none is the base. */
  public void requireBase(String name) {
    if (name != null && !name.equals(modelName)) {
      throw OpenAiError.notFound("model_not_found", genArm.arms().contains(name)
          ? name + " is a reward model: generate with " + modelName + " and name it in guidance.weights"
          : "the model " + name + " does not exist, there is " + modelName);
    }
  }

  private ObjectNode base() {
    return model(modelName).put("kind", "base").put("max_model_len", genArm.config().maxModelLen())
        .put("vocab_size", genArm.inputVocabSize());
  }

  private ObjectNode arm(String name) {
    ObjectNode arm = model(name).put("kind", "arm").put("parent", modelName).put("weight", genArm.weights().get(name));
    List<Float> preference = genArm.preferences().get(name);
    if (preference != null) {
      preference.forEach(arm.putArray("preference")::add);
    }
    return arm;
  }

  private ObjectNode model(String id) {
    return JsonNodeFactory.instance.objectNode()
        .put("id", id).put("object", "model").put("created", created).put("owned_by", "genarm");
  }
}
