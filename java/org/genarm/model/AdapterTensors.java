package org.genarm.model;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.genarm.binding.ModelShape;
import org.genarm.checkpoint.CheckpointException;
import org.genarm.checkpoint.StoredTensor;

/**
 * An adapter's tensors by module and part, checked against the model that it updates.
 *
 * <p>PEFT's names: {@code base_model.model.<module>.lora_A.weight}; PARM's: {@code ....pblora_A}.
 */
final class AdapterTensors {
  private static final Pattern LORA = Pattern.compile("base_model\\.model\\.(.+)\\.lora_(A|B)\\.weight");
  private static final Pattern PBLORA = Pattern.compile("base_model\\.model\\.(.+)\\.pblora_(A|B|W1|W2)");
  private static final Pattern LAYER = Pattern.compile("model\\.layers\\.(0|[1-9][0-9]{0,5})\\.(.+)");

  private static final String LM_HEAD = "lm_head";

  private final Path file;
  private final AdapterConfig config;
  private final ModelShape shape;
  private final Path base;

  /** @param base the checkpoint that the shape is of */
  AdapterTensors(Path file, AdapterConfig config, ModelShape shape, Path base) {
    this.file = file;
    this.config = config;
    this.shape = shape;
    this.base = base;
  }

  /** module → part → tensor; {@link CheckpointException} names the first tensor that does not belong. */
  Map<String, Map<String, StoredTensor>> of(Iterable<StoredTensor> tensors) {
    boolean preferences = config.numObjectives() > 0;
    Map<String, Map<String, StoredTensor>> modules = new LinkedHashMap<>();
    List<StoredTensor> copies = new ArrayList<>();
    for (StoredTensor tensor : tensors) {
      if (BaseCopies.isOne(tensor)) {
        copies.add(tensor);
        continue;
      }
      Matcher name = (preferences ? PBLORA : LORA).matcher(tensor.name());
      long[] layer = name.matches() ? linear(name.group(1)) : null;
      if (layer == null) {
        throw new CheckpointException(
            file, tensor.name(), "an update of one of the model's linear layers", "another name");
      }
      List<Long> expected = expected(name.group(1), name.group(2), layer);
      if (!expected.equals(tensor.shape()) || ExpectedTensors.dtype(tensor.type()) == null) {
        throw new CheckpointException(file, tensor.name(), "F32, F16 or BF16 " + expected, tensor.describe());
      }
      modules.computeIfAbsent(name.group(1), module -> new LinkedHashMap<>()).put(name.group(2), tensor);
    }
    requireWhole(modules, preferences ? List.of("A", "B", "W1", "W2") : List.of("A", "B"));
    BaseCopies.check(copies, base);
    return modules;
  }

  private List<Long> expected(String module, String part, long[] layer) {
    long rank = config.rank(module);
    long free = config.rank();
    return switch (part) {
      case "A" -> List.of(rank, layer[1]);
      case "B" -> List.of(layer[0], rank);
      case "W1" -> List.of((long) config.fixedRank(), (long) config.fixedRank());
      default -> List.of((long) config.numObjectives(), free * free);
    };
  }

  private void requireWhole(Map<String, Map<String, StoredTensor>> modules, List<String> parts) {
    if (modules.isEmpty()) {
      throw new CheckpointException(file, "updates of linear layers", "no tensor");
    }
    modules.forEach(
        (module, found) -> {
          List<String> missing = new ArrayList<>(parts);
          missing.removeAll(found.keySet());
          if (!missing.isEmpty()) {
            throw new CheckpointException(file, module, String.join(", ", parts), "no " + String.join(", no ", missing));
          }
        });
  }

  /** {out, in} of a linear layer; null for any other name. */
  private long[] linear(String module) {
    // A preference is a lane's, the head's rows are not.
    return module.equals(LM_HEAD) && config.numObjectives() > 0 ? null : linear(module, shape);
  }

  /** {out, in} of a model's linear layer; null for any other name. */
  static long[] linear(String module, ModelShape shape) {
    long hidden = shape.hiddenSize();
    if (module.equals(LM_HEAD)) {
      return new long[] {shape.vocabSize(), hidden};
    }
    Matcher layer = LAYER.matcher(module);
    if (!layer.matches() || Integer.parseInt(layer.group(1)) >= shape.numLayers()) {
      return null;
    }
    long inner = shape.intermediateSize();
    long queries = (long) shape.numHeads() * shape.headDim();
    long keys = (long) shape.numKvHeads() * shape.headDim();
    return switch (layer.group(2)) {
      case "self_attn.q_proj" -> new long[] {queries, hidden};
      case "self_attn.k_proj", "self_attn.v_proj" -> new long[] {keys, hidden};
      case "self_attn.o_proj" -> new long[] {hidden, queries};
      case "mlp.gate_proj", "mlp.up_proj" -> new long[] {inner, hidden};
      case "mlp.down_proj" -> new long[] {hidden, inner};
      default -> null;
    };
  }
}
