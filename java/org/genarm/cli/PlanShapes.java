package org.genarm.cli;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.genarm.binding.Dtype;
import org.genarm.binding.ModelShape;
import org.genarm.model.KeptAs;
import org.genarm.model.StoredAs;

/** Shapes that can be planned with by name, and the pairs of the GenARM paper. */
final class PlanShapes {
  private static final int GPTQ_GROUP = 128;
  private static final String GPTQ = "-gptq";

  /** GenARM's own training script: rank 8 on q, k and v. */
  static final String LORA = "lora-r8";
  static final int LORA_RANK = 8;
  static final List<String> LORA_MODULES = List.of("q_proj", "k_proj", "v_proj");

  private static final Map<String, ModelShape> SHAPES = new LinkedHashMap<>();

  static {
    SHAPES.put("tulu-2-7b", llama(32, 4096, 11008, 32, 32, 32000, 8192));
    SHAPES.put("alpaca-7b", llama(32, 4096, 11008, 32, 32, 32001, 2048));
    SHAPES.put("tulu-2-13b", llama(40, 5120, 13824, 40, 40, 32000, 8192));
    SHAPES.put("tulu-2-70b", llama(80, 8192, 28672, 64, 8, 32000, 8192));
    SHAPES.put("alpaca-65b", llama(80, 8192, 22016, 64, 64, 32000, 2048));
    SHAPES.put("llama-3.2-1b", new ModelShape(
        16, 2048, 8192, 32, 8, 64, 128256, 131072, false, false, false, false, true, 1e-5f, 1));
  }

  /**
   * A combination of named shapes.
   *
   * @param arms shapes or {@link #LORA}
   * @param armBase of the LoRAs; null for the base
   */
  record Combination(String name, String base, List<String> arms, String armBase) {}

  /** What the paper runs. */
  static final List<Combination> PAPER = List.of(
      new Combination("Alpaca-7B + 2 LoRA ARMs", "alpaca-7b", List.of(LORA, LORA), null),
      new Combination("Tulu-2-13B + 7B", "tulu-2-13b", List.of("tulu-2-7b"), null),
      new Combination("Tulu-2-70B-GPTQ + 7B", "tulu-2-70b-gptq", List.of("tulu-2-7b"), null),
      new Combination("Alpaca-65B-GPTQ + 2 LoRA ARMs over one 7B", "alpaca-65b-gptq", List.of(LORA, LORA), "alpaca-7b"));

  private PlanShapes() {}

  private static ModelShape llama(
      int layers, int hidden, int inner, int heads, int kvHeads, int vocabulary, int positions) {
    return new ModelShape(layers, hidden, inner, heads, kvHeads, hidden / heads, vocabulary, positions, false, false,
        false, false, false, 1e-5f, 1);
  }

  /** The names that {@link #shape} knows. */
  static String names() {
    return String.join(", ", SHAPES.keySet()) + ", each with " + GPTQ + " or without, and " + LORA;
  }

  /** Null for a name that is not known. */
  static ModelShape shape(String name) {
    return SHAPES.get(name.endsWith(GPTQ) ? name.substring(0, name.length() - GPTQ.length()) : name);
  }

  /** In bf16, or in GPTQ's int4 with groups of 128 and f16 tables; dtype: null, or how it is kept instead. */
  static KeptAs kept(String name, Dtype dtype) {
    StoredAs stored = StoredAs.of(dtype == null ? Dtype.BF16 : dtype);
    StoredAs tables = dtype == Dtype.INT4 ? StoredAs.of(Dtype.INT8) : stored;
    return new KeptAs(name.endsWith(GPTQ) ? StoredAs.gptq(GPTQ_GROUP) : stored, tables);
  }
}
