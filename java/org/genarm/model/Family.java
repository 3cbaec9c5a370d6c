package org.genarm.model;

/** The families of {@code model_type} that are understood: what each adds to the same transformer, and its defaults. */
public enum Family {
  LLAMA("llama", Bias.AS_CONFIGURED, true, false, Window.NEVER, 0, 0, 2048, 1, 2),
  MISTRAL("mistral", Bias.NEVER, false, false, Window.EVERY_LAYER, 8, 0, 131_072, 1, 2),
  QWEN2("qwen2", Bias.ALWAYS_ON_QKV, false, false, Window.BY_LAYER, 32, 0, 32_768, null, null),
  QWEN3("qwen3", Bias.AS_CONFIGURED, false, true, Window.BY_LAYER, 32, 128, 32_768, null, null);

  enum Bias {
    NEVER,
    /** on q, k and v, whatever the configuration says */
    ALWAYS_ON_QKV,
    /** on q, k, v and o where attention_bias is set */
    AS_CONFIGURED
  }

  enum Window {
    NEVER,
    /** on every layer unless sliding_window is null */
    EVERY_LAYER,
    /** where use_sliding_window is set: by layer_types, or from max_window_layers on */
    BY_LAYER
  }

  private final String modelType;
  final Bias attentionBias;
  final boolean mlpBias;
  final boolean qkNorm;
  final Window window;

  /** num_key_value_heads where a configuration has none; 0: as many as heads. */
  final int defaultKvHeads;

  /** head_dim where a configuration has none; 0: hidden_size / heads. */
  final int defaultHeadDim;

  final int defaultMaxPositions;

  /** Null where there is none. */
  final Integer defaultBosTokenId;

  /** Null where there is none. */
  final Integer defaultEosTokenId;

  Family(
      String modelType,
      Bias attentionBias,
      boolean mlpBias,
      boolean qkNorm,
      Window window,
      int defaultKvHeads,
      int defaultHeadDim,
      int defaultMaxPositions,
      Integer defaultBosTokenId,
      Integer defaultEosTokenId) {
    this.modelType = modelType;
    this.attentionBias = attentionBias;
    this.mlpBias = mlpBias;
    this.qkNorm = qkNorm;
    this.window = window;
    this.defaultKvHeads = defaultKvHeads;
    this.defaultHeadDim = defaultHeadDim;
    this.defaultMaxPositions = defaultMaxPositions;
    this.defaultBosTokenId = defaultBosTokenId;
    this.defaultEosTokenId = defaultEosTokenId;
  }

  /** As {@code model_type} spells it. */
  @Override
  public String toString() {
    return modelType;
  }

  /** The family of that model_type, or null. */
  static Family named(String modelType) {
    for (Family family : values()) {
      if (family.modelType.equals(modelType)) {
        return family;
      }
    }
    return null;
  }
}
