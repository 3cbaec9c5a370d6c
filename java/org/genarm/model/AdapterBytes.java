package org.genarm.model;

import com.fasterxml.jackson.databind.JsonNode;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import java.util.function.Predicate;
import java.util.regex.Pattern;
import java.util.regex.PatternSyntaxException;
import org.genarm.binding.Dtype;
import org.genarm.binding.ModelShape;
import org.genarm.checkpoint.Json;
import org.genarm.checkpoint.Safetensors;

/**
 * What an adapter takes beside its weight set: all of it is read for every token.
 *
 * @param parameters of A and B, and of PBLoRA's W1 and W2
 * @param bytes resident on the CPU
 */
public record AdapterBytes(long parameters, long bytes) {
  private static final String WEIGHTS = "adapter_model.safetensors";
  private static final List<String> LAYER_MODULES =
      List.of("self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj", "self_attn.o_proj", "mlp.gate_proj",
          "mlp.up_proj", "mlp.down_proj");

  /** Of a LoRA of one rank on some modules of every layer, as "q_proj", in bf16. */
  public static AdapterBytes lora(ModelShape shape, int rank, List<String> modules) {
    AdapterConfig config =
        new AdapterConfig(0, rank, rank, false, 0, List.of(), Map.of(), Map.of());
    return of(shape, config, name -> modules.contains(name.substring(name.lastIndexOf('.') + 1)),
        module -> StoredAs.of(Dtype.BF16));
  }

  /**
   * Of what {@code adapter_config.json} describes, over weights that are kept so. The adapter's own weights are not needed;
   * where they are there, their type counts, else two bytes a number.
   */
  public static AdapterBytes read(Path directory, ModelShape shape, KeptAs weights) {
    AdapterConfig config = AdapterConfig.read(directory);
    Path file = directory.resolve(AdapterConfig.FILE);
    Fields fields = new Fields(file, Json.read(file));
    StoredAs stored = stored(directory);
    return of(shape, config, targets(fields), module -> weights.adapter(module, stored));
  }

  private static StoredAs stored(Path directory) {
    Path file = directory.resolve(WEIGHTS);
    if (!Files.exists(file)) {
      return StoredAs.of(Dtype.BF16);
    }
    try (Safetensors tensors = Safetensors.open(file)) {
      return tensors.tensors().values().stream().filter(tensor -> !BaseCopies.isOne(tensor)).findFirst()
          .map(tensor -> ExpectedTensors.dtype(tensor.type())).map(StoredAs::of).orElse(StoredAs.of(Dtype.BF16));
    }
  }

  /** PEFT's rule: a list has ends of module names, a text is a pattern of the whole name or "all-linear". */
  private static Predicate<String> targets(Fields fields) {
    JsonNode targets = fields.node("target_modules");
    if (targets.isTextual()) {
      if (targets.textValue().equals("all-linear")) {
        return name -> !name.equals("lm_head");
      }
      try {
        return Pattern.compile(targets.textValue()).asMatchPredicate();
      } catch (PatternSyntaxException broken) {
        throw fields.refuse("target_modules", "names or a pattern of names", broken.getDescription());
      }
    }
    List<String> ends = fields.texts("target_modules");
    return name -> ends.stream().anyMatch(end -> name.equals(end) || name.endsWith("." + end));
  }

  private static AdapterBytes of(
      ModelShape shape, AdapterConfig config, Predicate<String> targets, Function<String, StoredAs> keptAs) {
    long parameters = 0;
    long bytes = 0;
    for (String module : modules(shape)) {
      if (!targets.test(module)) {
        continue;
      }
      long[] layer = AdapterTensors.linear(module, shape);
      long rank = config.rank(module);
      long group = module.matches(".*self_attn\\.[qkv]_proj") ? shape.headDim() : 0;
      long mixing = config.numObjectives() == 0 ? 0
          : (long) config.fixedRank() * config.fixedRank()
              + (long) config.numObjectives() * config.rank() * config.rank();
      StoredAs stored = keptAs.apply(module);
      parameters += rank * (layer[0] + layer[1]) + mixing;
      bytes += stored.matrixBytes(rank, layer[1], 0) + stored.matrixBytes(layer[0], rank, group) + mixing * Float.BYTES;
    }
    return new AdapterBytes(parameters, bytes);
  }

  private static List<String> modules(ModelShape shape) {
    List<String> modules = new ArrayList<>();
    for (int layer = 0; layer < shape.numLayers(); layer++) {
      for (String name : LAYER_MODULES) {
        modules.add("model.layers." + layer + "." + name);
      }
    }
    modules.add("lm_head");
    return modules;
  }
}
