package org.genarm.model;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.genarm.checkpoint.CheckpointException;
import org.genarm.checkpoint.Json;

/**
 * How GPTQ quantised a checkpoint's linear layers to four bits: {@code quantization_config} in {@code config.json}, or
 * what AutoGPTQ writes beside it.
 *
 * @param groupSize columns that share a scale, -1 for all
 * @param zeroOffset what is added to the stored zeros: 1, or 0 in the format "gptq_v2"
 */
public record GptqConfig(int groupSize, int zeroOffset) {
  private static final String FIELD = "quantization_config";
  private static final List<String> FILES = List.of("quantize_config.json", "quant_config.json");
  private static final int LARGEST_GROUP = 1 << 20;

  /**
   * A directory's configuration, or null where its weights are not quantised; {@link CheckpointException} names the
   * first field that is not understood.
   */
  public static GptqConfig read(Path directory) {
    Path file = directory.resolve(ModelConfig.FILE);
    Fields config = new Fields(file, Json.read(file));
    if (config.has(FIELD)) {
      String method = config.node(FIELD).path("quant_method").asText("unnamed");
      if (!method.equals("gptq")) {
        throw config.refuse(FIELD, "weights in F32, F16, BF16 or GPTQ's int4", "weights quantised by " + method);
      }
      return read(config.object(FIELD));
    }
    for (String name : FILES) {
      Path beside = directory.resolve(name);
      if (Files.exists(beside)) {
        return read(new Fields(beside, Json.read(beside)));
      }
    }
    return null;
  }

  private static GptqConfig read(Fields config) {
    requireText(config, "quant_method", "gptq");
    requireText(config, "pack_dtype", "int32");
    if (config.integer("bits", 1, 64) != 4) {
      throw config.refuse("bits", "4", Json.kind(config.node("bits")));
    }
    int groupSize = config.integer("group_size", -1, LARGEST_GROUP, -1);
    if (groupSize == 0) {
      throw config.refuse("group_size", "-1 or the columns of a group", "0");
    }
    for (String switchedOn : List.of("is_marlin_format", "lm_head")) {
      if (config.flag(switchedOn, false)) {
        throw config.refuse(switchedOn, "false", "true");
      }
    }
    if (config.has("dynamic") && !config.object("dynamic").isEmpty()) {
      throw config.refuse("dynamic", "the same bits for every layer", Json.kind(config.node("dynamic")));
    }
    return switch (config.text("checkpoint_format", "gptq")) {
      case "gptq" -> new GptqConfig(groupSize, 1);
      case "gptq_v2" -> new GptqConfig(groupSize, 0);
      default ->
          throw config.refuse("checkpoint_format", "gptq or gptq_v2", Json.kind(config.node("checkpoint_format")));
    };
  }

  private static void requireText(Fields config, String name, String expected) {
    if (!config.text(name, expected).equals(expected)) {
      throw config.refuse(name, expected, Json.kind(config.node(name)));
    }
  }

  /** Groups of a layer with so many columns. */
  long groups(long columns) {
    return groupSize == -1 ? 1 : (columns + groupSize - 1) / groupSize;
  }
}
