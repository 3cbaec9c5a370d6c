package org.genarm.engine;

import org.genarm.binding.Dtype;
import org.genarm.binding.EngineLimits;
import org.genarm.binding.NativeEngine;
import org.genarm.guidance.SamplingParams;

/**
 * Every limit of an engine: its memory is sized from them when it opens, and nothing is allocated while it generates.
 *
 * @param vocabSize tokens that may be drawn: logits are cut to this many
 * @param maxModelLen positions of the longest lane, prompt and completion together
 * @param maxRows row budget of a step, over all lanes; at least one for each view of each sequence
 * @param maxSequences completions that run at the same time
 * @param maxQueue completions that may wait
 * @param pageSize positions in a KV page, a multiple of 16
 * @param kvPages KV pages for each view; views over one weight set share theirs
 * @param prefillChunk rows that one lane computes in a step at most
 * @param maxComponents laws of single models that an analysis keeps in a step; 0 where none is asked for
 * @param maxBiases tokens that one completion may have a bias for, those of its logit_bias and, with a presence or
 *     frequency penalty, those it may generate; 0 where none is asked for
 * @param prefixSharing whether lanes of one view share the pages of equal prefixes
 * @param activations precision of matrix inputs: F32, or BF16 or INT8 where the device has it
 * @param stepsInFlight steps that are submitted before the first one's tokens are there, as far as requests allow it
 */
public record EngineConfig(
    int vocabSize,
    int maxModelLen,
    int maxRows,
    int maxSequences,
    int maxQueue,
    int pageSize,
    int kvPages,
    int prefillChunk,
    int maxComponents,
    int maxBiases,
    boolean prefixSharing,
    Dtype activations,
    int stepsInFlight) {
  private static final int PAGE_SIZE = 16;
  private static final int PROMPT_ROWS = 256;
  private static final int LOGIT_BIASES = 1024;

  public EngineConfig {
    require(vocabSize >= 1, "vocab_size must be at least 1", vocabSize);
    require(maxModelLen >= 2, "max_model_len must be at least 2", maxModelLen);
    require(maxSequences >= 1, "max_sequences must be at least 1", maxSequences);
    require(maxRows >= maxSequences, "max_rows must be at least max_sequences (" + maxSequences + ")", maxRows);
    require(maxQueue >= 1, "max_queue must be at least 1", maxQueue);
    require(pageSize >= 16 && pageSize % 16 == 0, "page_size must be a multiple of 16", pageSize);
    require((long) kvPages * pageSize >= maxModelLen,
        "kv_pages must hold a lane of max_model_len (" + maxModelLen + ") in pages of " + pageSize, kvPages);
    require(prefillChunk >= 1, "prefill_chunk must be at least 1", prefillChunk);
    require(maxComponents >= 0, "max_components must be at least 0", maxComponents);
    require(maxBiases >= 0 && maxBiases <= vocabSize,
        "max_biases must be between 0 and vocab_size (" + vocabSize + ")", maxBiases);
    require(stepsInFlight >= 1 && stepsInFlight <= NativeEngine.MAX_IN_FLIGHT,
        "steps_in_flight must be between 1 and " + NativeEngine.MAX_IN_FLIGHT, stepsInFlight);
  }

  private static void require(boolean holds, String expected, int found) {
    if (!holds) {
      throw new IllegalArgumentException(expected + ", got " + found);
    }
  }

  /**
   * Limits under which maxSequences completions of the full length run together, and prompts move in chunks beside
   * them. Each may be penalised, and have a logit_bias of 1024 tokens.
   */
  public static EngineConfig of(int vocabSize, int maxModelLen, int maxSequences, int numViews) {
    int pages = Math.toIntExact((long) pages(maxModelLen, PAGE_SIZE) * maxSequences);
    int rows = maxSequences * numViews + PROMPT_ROWS;
    int biases = Math.min(vocabSize, maxModelLen + LOGIT_BIASES);
    return new EngineConfig(
        vocabSize, maxModelLen, rows, maxSequences, 1024, PAGE_SIZE, pages, PROMPT_ROWS, 0, biases, true,
        Dtype.F32, 1);
  }

  public EngineConfig withKvPages(int pages) {
    return new EngineConfig(vocabSize, maxModelLen, maxRows, maxSequences, maxQueue, pageSize, pages, prefillChunk,
        maxComponents, maxBiases, prefixSharing, activations, stepsInFlight);
  }

  public EngineConfig withRows(int rows, int chunk) {
    return new EngineConfig(vocabSize, maxModelLen, rows, maxSequences, maxQueue, pageSize, kvPages, chunk,
        maxComponents, maxBiases, prefixSharing, activations, stepsInFlight);
  }

  public EngineConfig withMaxQueue(int queue) {
    return new EngineConfig(vocabSize, maxModelLen, maxRows, maxSequences, queue, pageSize, kvPages, prefillChunk,
        maxComponents, maxBiases, prefixSharing, activations, stepsInFlight);
  }

  public EngineConfig withMaxComponents(int components) {
    return new EngineConfig(vocabSize, maxModelLen, maxRows, maxSequences, maxQueue, pageSize, kvPages, prefillChunk,
        components, maxBiases, prefixSharing, activations, stepsInFlight);
  }

  public EngineConfig withMaxBiases(int biases) {
    return new EngineConfig(vocabSize, maxModelLen, maxRows, maxSequences, maxQueue, pageSize, kvPages, prefillChunk,
        maxComponents, biases, prefixSharing, activations, stepsInFlight);
  }

  public EngineConfig withPrefixSharing(boolean wanted) {
    return new EngineConfig(vocabSize, maxModelLen, maxRows, maxSequences, maxQueue, pageSize, kvPages, prefillChunk,
        maxComponents, maxBiases, wanted, activations, stepsInFlight);
  }

  public EngineConfig withActivations(Dtype dtype) {
    return new EngineConfig(vocabSize, maxModelLen, maxRows, maxSequences, maxQueue, pageSize, kvPages, prefillChunk,
        maxComponents, maxBiases, prefixSharing, dtype, stepsInFlight);
  }

  public EngineConfig withStepsInFlight(int steps) {
    return new EngineConfig(vocabSize, maxModelLen, maxRows, maxSequences, maxQueue, pageSize, kvPages, prefillChunk,
        maxComponents, maxBiases, prefixSharing, activations, steps);
  }

  /** A step must have a row for every view of every sequence, or one of them might never get its turn. */
  void requireRoomFor(int numViews) {
    require(maxRows >= (long) maxSequences * numViews,
        "max_rows must be at least max_sequences (" + maxSequences + ") times the number of views (" + numViews + ")",
        maxRows);
  }

  /** A completion's biases must fit, and be of tokens that may be drawn. */
  void requireRoomFor(SamplingParams sampling, int maxNewTokens) {
    for (int token : sampling.logitBias().keySet()) {
      require(token < vocabSize, "a token of logit_bias must be below the vocabulary's " + vocabSize, token);
    }
    int room = TokenBiases.room(sampling, maxNewTokens, vocabSize);
    require(room <= maxBiases, "logit_bias and the tokens that are penalised (up to max_new_tokens) must be at most "
        + maxBiases + " (max_biases)", room);
  }

  /**
   * maxObjectives: length of the views' longest preference vector. maxDrafts: positions beside each sequence's next at
   * which a step draws.
   */
  EngineLimits limits(int numViews, int maxObjectives, int maxDrafts) {
    int lanes = maxSequences * numViews;
    int draws = maxSequences + maxDrafts;
    int biases = Math.multiplyExact(maxSequences, maxBiases);
    return new EngineLimits(
        vocabSize, maxModelLen, maxRows, lanes, draws, draws * numViews, maxComponents, biases, pageSize, maxObjectives,
        activations, stepsInFlight);
  }

  /** Pages that hold this many positions. */
  static int pages(int positions, int pageSize) {
    return (positions + pageSize - 1) / pageSize;
  }
}
