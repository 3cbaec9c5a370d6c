package org.genarm.recipes;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import org.genarm.checkpoint.SafetensorsWriter;
import org.genarm.checkpoint.TensorType;

/** Tiny models and data in the format of the published ones: same files, same columns, nothing to download. */
final class StandIns {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final int VOCAB = 4096;
  private static final int HIDDEN = 16;
  private static final int INNER = 24;

  private final Path folder;

  StandIns(Path folder) {
    this.folder = folder;
  }

  /** A random Llama with the demo models' tokenizer. */
  void model(String name) throws IOException {
    write(name, "LlamaForCausalLM", "lm_head.weight", VOCAB, List.of(), 1);
  }

  /** As Safe-RLHF stores a reward or cost model. */
  void scoreModel(String name, String type, long seed) throws IOException {
    write(name, "LlamaModelForScore", "score_head.weight", 1,
        List.of(plan("normalizer.mean", 1), plan("normalizer.var", 1), plan("normalizer.count", 1)), seed);
    Path config = folder.resolve(name).resolve("config.json");
    ObjectNode json = (ObjectNode) JSON.readTree(config.toFile());
    JSON.writeValue(config.toFile(), json.put("score_type", type).put("do_normalize", false));
  }

  private void write(String name, String architecture, String head, int headRows, List<SafetensorsWriter.Plan> more,
      long seed) throws IOException {
    Path directory = Files.createDirectories(folder.resolve(name));
    for (String file : List.of("tokenizer.json", "tokenizer_config.json")) {
      Files.copy(Path.of("models/demo-base").resolve(file), directory.resolve(file));
    }
    ObjectNode config = JSON.createObjectNode().put("model_type", "llama").put("hidden_size", HIDDEN)
        .put("vocab_size", VOCAB).put("num_hidden_layers", 1).put("num_attention_heads", 2).put("intermediate_size", INNER)
        .put("max_position_embeddings", 2048).put("rms_norm_eps", 1e-6).put("bos_token_id", 1).put("eos_token_id", 2);
    config.putArray("architectures").add(architecture);
    JSON.writeValue(directory.resolve("config.json").toFile(), config);
    String layer = "model.layers.0.";
    List<SafetensorsWriter.Plan> plans = new ArrayList<>(List.of(
        plan("model.embed_tokens.weight", VOCAB, HIDDEN), plan(head, headRows, HIDDEN), plan("model.norm.weight", HIDDEN),
        plan(layer + "input_layernorm.weight", HIDDEN), plan(layer + "post_attention_layernorm.weight", HIDDEN),
        plan(layer + "self_attn.q_proj.weight", HIDDEN, HIDDEN), plan(layer + "self_attn.k_proj.weight", HIDDEN, HIDDEN),
        plan(layer + "self_attn.v_proj.weight", HIDDEN, HIDDEN), plan(layer + "self_attn.o_proj.weight", HIDDEN, HIDDEN),
        plan(layer + "mlp.gate_proj.weight", INNER, HIDDEN), plan(layer + "mlp.up_proj.weight", INNER, HIDDEN),
        plan(layer + "mlp.down_proj.weight", HIDDEN, INNER)));
    plans.addAll(more);
    SplittableRandom random = new SplittableRandom(seed);
    try (SafetensorsWriter writer = SafetensorsWriter.create(directory.resolve("model.safetensors"), plans)) {
      for (SafetensorsWriter.Plan plan : plans) {
        int size = plan.shape().stream().mapToInt(Long::intValue).reduce(1, Math::multiplyExact);
        float[] values = new float[size];
        for (int i = 0; i < size; i++) {
          values[i] = plan.shape().size() == 1 ? 1 : (float) (random.nextDouble() - 0.5);
        }
        writer.write(plan.name(), 0, values);
      }
      writer.finish();
    }
  }

  private static SafetensorsWriter.Plan plan(String name, long... shape) {
    List<Long> dimensions = new ArrayList<>();
    for (long dimension : shape) {
      dimensions.add(dimension);
    }
    return new SafetensorsWriter.Plan(name, TensorType.F32, dimensions);
  }

  /** PKU-SafeRLHF-10K's columns. */
  void pkuRows(String name, int rows) throws IOException {
    StringBuilder text = new StringBuilder();
    for (int i = 0; i < rows; i++) {
      text.append(JSON.createObjectNode().put("prompt", "How " + i + "?").put("response_0", "So.").put("response_1", "No.")
          .put("is_response_0_safe", i % 2 == 0).put("is_response_1_safe", true).put("better_response_id", i % 2)
          .put("safer_response_id", 1 - i % 2)).append('\n');
    }
    Files.writeString(folder.resolve(name), text);
  }

  /** Dahoas/full-hh-rlhf's columns. */
  void hhRows(String name, int rows) throws IOException {
    StringBuilder text = new StringBuilder();
    for (int i = 0; i < rows; i++) {
      text.append(JSON.createObjectNode().put("prompt", "\n\nHuman: Hi " + i + "\n\nAssistant:").put("response", " Yes.")
          .put("chosen", " Yes.").put("rejected", " Go away.")).append('\n');
    }
    Files.writeString(folder.resolve(name), text);
  }

  /** HuggingFaceH4/ultrafeedback_binarized's columns. */
  void ultrafeedbackRows(String name, int rows) throws IOException {
    StringBuilder text = new StringBuilder();
    for (int i = 0; i < rows; i++) {
      ObjectNode row = JSON.createObjectNode().put("prompt", "What is " + i + "?");
      for (String column : List.of("chosen", "rejected")) {
        row.withArrayProperty(column).addObject().put("role", "user").put("content", "What is " + i + "?");
        row.withArrayProperty(column).addObject().put("role", "assistant").put("content", column + " answer");
      }
      text.append(row.put("score_chosen", 8.0).put("score_rejected", 5.0)).append('\n');
    }
    Files.writeString(folder.resolve(name), text);
  }

  /** A JSON array of prompts under a field, with uids where asked for. */
  void prompts(String name, String field, boolean uids, int count) throws IOException {
    var list = JSON.createArrayNode();
    for (int i = 0; i < count; i++) {
      ObjectNode prompt = list.addObject();
      if (uids) {
        prompt.put("uid", "eval" + i);
      }
      prompt.put(field, "Tell me about number " + i).put("dataset", "helpful_base");
    }
    JSON.writeValue(folder.resolve(name).toFile(), list);
  }
}
