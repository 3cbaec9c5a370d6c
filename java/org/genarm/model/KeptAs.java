package org.genarm.model;

import org.genarm.binding.Dtype;

/**
 * How a weight set's matrices are kept.
 *
 * @param linears the seven projections of every layer
 * @param tables the embedding and the LM head
 */
public record KeptAs(StoredAs linears, StoredAs tables) {

  /** Of what a directory's {@code config.json} describes; gptq: null where it has none; dtype: null keeps each as stored. */
  public static KeptAs of(ModelConfig config, GptqConfig gptq, Dtype dtype) {
    StoredAs stored = StoredAs.of(dtype == null ? config.dtype() : dtype);
    // Four bits are too few for the tables of tokens, and GPTQ's layers stay as they are.
    StoredAs tables = dtype == Dtype.INT4 ? StoredAs.of(Dtype.INT8) : stored;
    return new KeptAs(gptq == null ? stored : StoredAs.gptq(gptq.groupSize()), tables);
  }

  /** How the matrices of an adapter stored so are kept beside a module: decision 8. */
  StoredAs adapter(String module, StoredAs stored) {
    boolean quantised = (module.equals("lm_head") ? tables : linears).group() != 0;
    return quantised && stored.bits() == Float.SIZE ? StoredAs.of(Dtype.BF16) : stored;
  }
}
