package org.genarm.model;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import org.genarm.binding.ModelShape;
import org.genarm.checkpoint.CheckpointException;
import org.genarm.checkpoint.Safetensors;
import org.genarm.checkpoint.SafetensorsWriter;
import org.genarm.checkpoint.StoredTensor;
import org.genarm.checkpoint.TensorType;
import org.genarm.checkpoint.TensorValues;

/**
 * A rewarded soup (arXiv 2306.04488): LoRA adapters of one base as one adapter whose update is the weighted sum of theirs,
 * exactly:
 *
 * <pre>  Σ_i c_i s_i B_i A_i = [c_1 s_1 B_1 | c_2 s_2 B_2 | ...] [A_1 ; A_2 ; ...]</pre>
 *
 * <p>(Averaging A and B each on its own, as some scripts do, is another update.) Its rank is the sum of theirs.
 */
public final class AdapterSoup {
  private static final String WEIGHTS = "adapter_model.safetensors";
  private static final String CONFIG = "adapter_config.json";

  private final List<Part> parts;
  private final int rank;

  /** One adapter: where its rows of A begin, and what its B is multiplied with. */
  private record Part(Map<String, Map<String, StoredTensor>> modules, AdapterConfig config, double coefficient, int first) {}

  private AdapterSoup(List<Part> parts, int rank) {
    this.parts = parts;
    this.rank = rank;
  }

  /**
   * Writes a PEFT folder.
   *
   * @param base the checkpoint that the adapters belong to
   * @param coefficients one for each adapter
   * @throws CheckpointException names what is wrong with an adapter's files, a PBLoRA adapter among them
   */
  public static void write(Path out, Path base, List<Path> adapters, List<Double> coefficients) {
    ModelShape shape = ModelConfig.read(base).shape();
    List<Safetensors> opened = new ArrayList<>();
    try {
      List<Part> parts = new ArrayList<>();
      int rank = 0;
      for (int i = 0; i < adapters.size(); i++) {
        AdapterConfig config = AdapterConfig.read(adapters.get(i));
        if (config.numObjectives() > 0) {
          throw new CheckpointException(adapters.get(i), "a LoRA adapter", "one that depends on a preference");
        }
        Path file = adapters.get(i).resolve(WEIGHTS);
        opened.add(Safetensors.open(file));
        var modules = new AdapterTensors(file, config, shape, base).of(opened.get(i).tensors().values());
        parts.add(new Part(modules, config, coefficients.get(i), rank));
        rank += modules.keySet().stream().mapToInt(config::rank).max().getAsInt();
      }
      new AdapterSoup(parts, rank).write(out, base);
    } finally {
      opened.forEach(Safetensors::close);
    }
  }

  private void write(Path out, Path base) {
    Map<String, long[]> modules = new LinkedHashMap<>();
    for (Part part : parts) {
      part.modules().forEach((module, tensors) -> modules.putIfAbsent(
          module, new long[] {tensors.get("B").shape().get(0), tensors.get("A").shape().get(1)}));
    }
    try {
      Files.createDirectories(out);
      new ObjectMapper().writerWithDefaultPrettyPrinter().writeValue(out.resolve(CONFIG).toFile(), config(base, modules));
    } catch (IOException failure) {
      throw new CheckpointException(out, "a place to write to", failure);
    }
    List<SafetensorsWriter.Plan> plans = new ArrayList<>();
    modules.forEach((module, size) -> {
      plans.add(new SafetensorsWriter.Plan(name(module, "A"), TensorType.F32, List.of((long) rank, size[1])));
      plans.add(new SafetensorsWriter.Plan(name(module, "B"), TensorType.F32, List.of(size[0], (long) rank)));
    });
    try (SafetensorsWriter writer = SafetensorsWriter.create(out.resolve(WEIGHTS), plans)) {
      for (Part part : parts) {
        part.modules().forEach((module, tensors) -> write(writer, part, module, tensors));
      }
      writer.finish();
    }
  }

  /** What no adapter writes stays zero. */
  private void write(SafetensorsWriter writer, Part part, String module, Map<String, StoredTensor> tensors) {
    float[] a = TensorValues.read(tensors.get("A"));
    float[] b = TensorValues.read(tensors.get("B"));
    int own = part.config().rank(module);
    long columns = tensors.get("A").shape().get(1);
    writer.write(name(module, "A"), part.first() * columns, a);
    double scale = part.coefficient() * part.config().scale(module);
    for (int row = 0; row < b.length / own; row++) {
      float[] values = new float[own];
      for (int i = 0; i < own; i++) {
        values[i] = (float) (scale * b[row * own + i]);
      }
      writer.write(name(module, "B"), (long) row * rank + part.first(), values);
    }
  }

  private static String name(String module, String part) {
    return "base_model.model." + module + ".lora_" + part + ".weight";
  }

  private ObjectNode config(Path base, Map<String, long[]> modules) {
    ObjectNode config = new ObjectMapper().createObjectNode();
    config.put("peft_type", "LORA").put("task_type", "CAUSAL_LM").put("base_model_name_or_path", base.toString());
    config.put("r", rank).put("lora_alpha", rank).put("lora_dropout", 0.0).put("bias", "none");
    ArrayNode targets = config.putArray("target_modules");
    new TreeSet<>(modules.keySet().stream().map(module -> module.substring(module.lastIndexOf('.') + 1)).toList())
        .forEach(targets::add);
    return config.put("inference_mode", true);
  }
}
