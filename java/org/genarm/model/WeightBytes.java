package org.genarm.model;

import org.genarm.binding.Dtype;
import org.genarm.binding.ModelShape;

/**
 * What a weight set of some shape takes: resident, and read for every token. A token reads every linear layer, the
 * norms and biases, and the whole LM head, but one row of the embedding:
 *
 * <pre>  R = L·(h·n_q·d + 2·h·n_kv·d + n_q·d·h + 3·h·f) + small + V·h</pre>
 *
 * @param parameters of the model, a tied embedding counted once
 * @param readParameters R
 * @param resident bytes on the CPU
 * @param read bytes for a token
 */
public record WeightBytes(long parameters, long readParameters, long resident, long read) {

  /** Of a model of this shape. */
  public static WeightBytes of(ModelShape shape, KeptAs kept) {
    StoredAs linears = kept.linears();
    StoredAs tables = kept.tables();
    long hidden = shape.hiddenSize();
    long inner = shape.intermediateSize();
    long head = shape.headDim();
    long queries = shape.numHeads() * head;
    long keys = shape.numKvHeads() * head;
    long linear = hidden * queries + 2 * hidden * keys + queries * hidden + 3 * hidden * inner;
    long linearBytes = linears.matrixBytes(queries, hidden, head)
        + 2 * linears.matrixBytes(keys, hidden, head)
        + linears.matrixBytes(hidden, queries, 0)
        + 2 * linears.matrixBytes(inner, hidden, 0)
        + linears.matrixBytes(hidden, inner, 0);
    long vectors = 2 * hidden
        + (shape.qkvBias() ? queries + 2 * keys : 0)
        + (shape.oBias() ? hidden : 0)
        + (shape.mlpBias() ? 2 * inner + hidden : 0)
        + (shape.qkNorm() ? 2 * head : 0);
    long layers = shape.numLayers();
    long table = shape.vocabSize() * hidden;
    long tableBytes = tables.matrixBytes(shape.vocabSize(), hidden, 0);
    long read = layers * (linear + vectors) + hidden + table;
    long readBytes = layers * (linearBytes + vectors * Float.BYTES) + hidden * Float.BYTES + tableBytes;
    return shape.tieEmbeddings()
        ? new WeightBytes(read, read, readBytes, readBytes)
        : new WeightBytes(read + table, read, readBytes + tableBytes, readBytes);
  }

  /** Of what a directory's {@code config.json} describes, no weights needed; dtype: null keeps each as stored. */
  public static WeightBytes of(ModelConfig config, GptqConfig gptq, Dtype dtype) {
    return of(config.shape(), KeptAs.of(config, gptq, dtype));
  }
}
