package org.genarm.engine;

/** Receives the laws of an analysis, on the engine thread. */
@FunctionalInterface
public interface LawSink {
  /** The law that the models draw from together; a model's own law has the index of its view, the base's is 0. */
  int GUIDED = -1;

  /**
   * One law: the natural logarithms of the next token's probabilities after {@code ids[0..position]} of a row.
   *
   * @param values [vocabSize]; reused after the call
   */
  void accept(int row, int position, int model, float[] values);
}
