package org.genarm.train;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Stream;
import org.genarm.binding.NativeTrainer.State;
import org.genarm.checkpoint.CheckpointException;
import org.genarm.checkpoint.Json;
import org.genarm.checkpoint.SafetensorsWriter;
import org.genarm.checkpoint.TensorType;
import org.genarm.model.ModelConfig;

/**
 * What a run leaves for others: a Hugging Face directory (the base's configuration and tokenizer beside new weights), or
 * a PEFT folder that transformers and peft load.
 */
final class TrainOutput {
  static final String MODEL = "model.safetensors";
  static final String ADAPTER = "adapter_model.safetensors";

  private static final String ADAPTER_CONFIG = "adapter_config.json";
  static final String PEFT_PREFIX = "base_model.model.";

  /** Readers of transformers ask for it. */
  private static final Map<String, String> METADATA = Map.of("format", "pt");

  private static final ObjectMapper MAPPER = new ObjectMapper();

  private TrainOutput() {}

  /**
   * @param type of the weights; null: as the base stores each
   */
  static void writeModel(TrainableModel model, Path directory, TensorType type) {
    try {
      copyCompanions(model.base(), directory);
      if (type != null) {
        ObjectNode config = (ObjectNode) Json.read(directory.resolve(ModelConfig.FILE));
        String key = config.has("torch_dtype") ? "torch_dtype" : "dtype";
        write(directory.resolve(ModelConfig.FILE), config.put(key, torchName(type)));
      }
    } catch (IOException failure) {
      throw new CheckpointException(directory, "a place to write to", failure);
    }
    List<SafetensorsWriter.Plan> plans =
        model.trained().stream()
            .map(t -> new SafetensorsWriter.Plan(t.name(), type == null ? t.type() : type, t.shape()))
            .toList();
    write(model, directory.resolve(MODEL), plans, "", METADATA);
  }

  /**
   * @param objectives names of a preference-conditioned update's objectives; kept in the file's metadata
   */
  static void writeAdapter(TrainableModel model, Path directory, LoraOptions lora, List<String> objectives) {
    ObjectNode config = MAPPER.createObjectNode();
    config.put("peft_type", lora.conditioned() ? "PBLORA" : "LORA").put("task_type", "CAUSAL_LM");
    config.put("base_model_name_or_path", model.base().toString());
    if (lora.conditioned()) {
      config.put("r1", lora.fixedRank()).put("r2", lora.rank()).put("obj_num", objectives.size());
      ArrayNode balanced = config.putArray("pref_vec_init");
      objectives.forEach(name -> balanced.add(1.0 / objectives.size()));
    } else {
      config.put("r", lora.rank()).put("init_lora_weights", true).put("use_rslora", false).put("use_dora", false);
      config.putNull("modules_to_save");
    }
    config.put("lora_dropout", lora.dropout());
    if (lora.alpha() == Math.rint(lora.alpha())) {
      config.put("lora_alpha", (long) lora.alpha());  // as PEFT types it
    } else {
      config.put("lora_alpha", lora.alpha());
    }
    lora.targets().forEach(config.putArray("target_modules")::add);
    config.put("bias", "none").put("fan_in_fan_out", false).put("inference_mode", true);
    try {
      write(directory.resolve(ADAPTER_CONFIG), config);
    } catch (IOException failure) {
      throw new CheckpointException(directory, "a place to write to", failure);
    }
    List<SafetensorsWriter.Plan> plans =
        model.trained().stream()
            .map(t -> new SafetensorsWriter.Plan(PEFT_PREFIX + t.name(), t.type(), t.shape()))
            .toList();
    Map<String, String> metadata = new LinkedHashMap<>(METADATA);
    if (lora.conditioned()) {
      metadata.put("objectives", String.join(",", objectives));
    }
    write(model, directory.resolve(ADAPTER), plans, PEFT_PREFIX, metadata);
  }

  private static void write(
      TrainableModel model,
      Path file,
      List<SafetensorsWriter.Plan> plans,
      String prefix,
      Map<String, String> metadata) {
    try (SafetensorsWriter writer = SafetensorsWriter.create(file, plans, metadata)) {
      for (int i = 0; i < plans.size(); i++) {
        TrainedTensor tensor = model.trained().get(i);
        TensorType type = plans.get(i).type();
        writer.write(prefix + tensor.name(), 0, NarrowFloats.bytes(model.read(tensor, State.VALUE), type));
      }
      writer.finish();
    }
  }

  /** Everything beside the weights and the base's card. */
  private static void copyCompanions(Path base, Path directory) throws IOException {
    try (Stream<Path> files = Files.list(base)) {
      for (Path file : files.filter(Files::isRegularFile).toList()) {
        String name = file.getFileName().toString().toLowerCase(Locale.ROOT);
        boolean weights = name.matches(".*\\.(safetensors|bin|pt|pth|gguf|index\\.json)");
        if (!weights && !name.startsWith(".") && !name.equals("readme.md")) {
          Files.copy(file, directory.resolve(file.getFileName()), StandardCopyOption.REPLACE_EXISTING);
        }
      }
    }
  }

  private static void write(Path file, ObjectNode config) throws IOException {
    Files.writeString(file, config.toPrettyString() + "\n");
  }

  private static String torchName(TensorType type) {
    return switch (type) {
      case F16 -> "float16";
      case BF16 -> "bfloat16";
      default -> "float32";
    };
  }
}
