package org.genarm.recipes;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
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
  private static final int GROUP = 8;
  private static final int PER_WORD = 8;

  private final Path folder;

  StandIns(Path folder) {
    this.folder = folder;
  }

  /** A random Llama with the demo models' tokenizer. */
  void model(String name) throws IOException {
    write(name, "LlamaForCausalLM", "lm_head.weight", VOCAB, List.of(), 1, false);
  }

  /** The same with its linear layers in GPTQ's four bits, as AutoGPTQ stores them. */
  void gptqModel(String name) throws IOException {
    write(name, "LlamaForCausalLM", "lm_head.weight", VOCAB, List.of(), 1, true);
    JSON.writeValue(folder.resolve(name).resolve("quantize_config.json").toFile(),
        JSON.createObjectNode().put("bits", 4).put("group_size", GROUP).put("desc_act", false).put("sym", true));
  }

  /** As Safe-RLHF stores a reward or cost model. */
  void scoreModel(String name, String type, long seed) throws IOException {
    write(name, "LlamaModelForScore", "score_head.weight", 1,
        List.of(plan("normalizer.mean", 1), plan("normalizer.var", 1), plan("normalizer.count", 1)), seed,
        false);
    Path config = folder.resolve(name).resolve("config.json");
    ObjectNode json = (ObjectNode) JSON.readTree(config.toFile());
    JSON.writeValue(config.toFile(), json.put("score_type", type).put("do_normalize", false));
  }

  private void write(String name, String architecture, String head, int headRows, List<SafetensorsWriter.Plan> more,
      long seed, boolean quantised) throws IOException {
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
        plan(layer + "input_layernorm.weight", HIDDEN), plan(layer + "post_attention_layernorm.weight", HIDDEN)));
    for (String projection : List.of("q", "k", "v", "o")) {
      plans.addAll(linear(layer + "self_attn." + projection + "_proj", HIDDEN, HIDDEN, quantised));
    }
    plans.addAll(linear(layer + "mlp.gate_proj", INNER, HIDDEN, quantised));
    plans.addAll(linear(layer + "mlp.up_proj", INNER, HIDDEN, quantised));
    plans.addAll(linear(layer + "mlp.down_proj", HIDDEN, INNER, quantised));
    plans.addAll(more);
    SplittableRandom random = new SplittableRandom(seed);
    try (SafetensorsWriter writer = SafetensorsWriter.create(directory.resolve("model.safetensors"), plans)) {
      for (SafetensorsWriter.Plan plan : plans) {
        int size = plan.shape().stream().mapToInt(Long::intValue).reduce(1, Math::multiplyExact);
        if (plan.type() != TensorType.F32) {
          writer.write(plan.name(), 0, quantised(plan, size, random));
          continue;
        }
        float[] values = new float[size];
        for (int i = 0; i < size; i++) {
          values[i] = plan.shape().size() == 1 ? 1 : (float) (random.nextDouble() - 0.5);
        }
        writer.write(plan.name(), 0, values);
      }
      writer.finish();
    }
  }

  private static List<SafetensorsWriter.Plan> linear(String module, int rows, int columns, boolean quantised) {
    return !quantised ? List.of(plan(module + ".weight", rows, columns)) : List.of(
        plan(TensorType.I32, module + ".qweight", columns / PER_WORD, rows),
        plan(TensorType.I32, module + ".qzeros", columns / GROUP, rows / PER_WORD),
        plan(TensorType.F16, module + ".scales", columns / GROUP, rows), plan(TensorType.I32, module + ".g_idx", columns));
  }

  /** Random values of four bits around a zero of 8 (stored as 7), in steps of a sixteenth. */
  private static ByteBuffer quantised(SafetensorsWriter.Plan plan, int size, SplittableRandom random) {
    ByteBuffer bytes = ByteBuffer.allocate(size * plan.type().bits() / Byte.SIZE).order(ByteOrder.LITTLE_ENDIAN);
    short sixteenth = 0x2c00;
    for (int i = 0; i < size; i++) {
      switch (plan.name().substring(plan.name().lastIndexOf('.') + 1)) {
        case "qweight" -> bytes.putInt(random.nextInt());
        case "qzeros" -> bytes.putInt(0x77777777);
        case "scales" -> bytes.putShort(sixteenth);
        default -> bytes.putInt(i / GROUP);
      }
    }
    return bytes.flip();
  }

  private static SafetensorsWriter.Plan plan(String name, long... shape) {
    return plan(TensorType.F32, name, shape);
  }

  private static SafetensorsWriter.Plan plan(TensorType type, String name, long... shape) {
    List<Long> dimensions = new ArrayList<>();
    for (long dimension : shape) {
      dimensions.add(dimension);
    }
    return new SafetensorsWriter.Plan(name, type, dimensions);
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
