package org.genarm.model;

import org.genarm.checkpoint.Json;

/**
 * Rotary frequencies as transformers computes them (modeling_rope_utils.py): in float32, step by step.
 *
 * @param invFreq [headDim / 2] radians per position
 * @param attentionFactor multiplies cos and sin: yarn's, 1 otherwise
 */
record Rope(float[] invFreq, float attentionFactor) {
  private static final double DEFAULT_THETA = 10_000;

  /** Reads {@code rope_scaling} (transformers 4) or {@code rope_parameters} (5) and computes. */
  static Rope of(Fields config, int headDim, int maxPositions) {
    String block = config.has("rope_scaling") && !config.object("rope_scaling").isEmpty()
        ? "rope_scaling"
        : "rope_parameters";
    Fields rope = config.object(block);
    if (rope.has("full_attention") || rope.has("sliding_attention")) {
      throw config.refuse(block, "one set of rotary parameters", "one for each layer type");
    }
    for (Fields fields : new Fields[] {rope, config}) {
      if (fields.number("partial_rotary_factor", 0, 1) != 1) {
        throw fields.refuse(
            "partial_rotary_factor", "rotation of whole heads (1)", Json.kind(fields.node("partial_rotary_factor")));
      }
    }
    double theta = rope.number("rope_theta", 1, config.number("rope_theta", 1, DEFAULT_THETA));
    float[] invFreq = new float[headDim / 2];
    for (int i = 0; i < invFreq.length; i++) {
      invFreq[i] = 1 / period(theta, i, headDim);
    }
    String type = rope.text("rope_type", rope.text("type", "default"));
    int trainedPositions =
        config.integer(
            "original_max_position_embeddings",
            1,
            Integer.MAX_VALUE,
            rope.integer("original_max_position_embeddings", 1, Integer.MAX_VALUE, maxPositions));
    return switch (type) {
      case "default" -> new Rope(invFreq, 1);
      case "linear" -> linear(rope, invFreq);
      case "llama3" -> llama3(rope, invFreq, trainedPositions);
      case "yarn" -> yarn(rope, theta, headDim, maxPositions, trainedPositions);
      default -> throw rope.refuse(
          rope.has("rope_type") ? "rope_type" : "type", "default, linear, llama3 or yarn", "\"" + type + "\"");
    };
  }

  private static Rope linear(Fields rope, float[] invFreq) {
    float factor = factor(rope);
    for (int i = 0; i < invFreq.length; i++) {
      invFreq[i] /= factor;
    }
    return new Rope(invFreq, 1);
  }

  /** Llama 3.1: long waves are stretched, short ones kept, those between blended. */
  private static Rope llama3(Fields rope, float[] invFreq, int trainedPositions) {
    float factor = factor(rope);
    double low = positive(rope, "low_freq_factor");
    double high = positive(rope, "high_freq_factor");
    if (high <= low) {
      throw rope.refuse("high_freq_factor", "more than low_freq_factor, " + low, String.valueOf(high));
    }
    float longest = (float) (trainedPositions / low);
    float shortest = (float) (trainedPositions / high);
    for (int i = 0; i < invFreq.length; i++) {
      float wavelength = (float) (2 * Math.PI) / invFreq[i];
      if (wavelength > longest) {
        invFreq[i] /= factor;
      } else if (!(wavelength < shortest)) {
        float smooth = (trainedPositions / wavelength - (float) low) / (float) (high - low);
        invFreq[i] = (1 - smooth) * invFreq[i] / factor + smooth * invFreq[i];
      }
    }
    return new Rope(invFreq, 1);
  }

  /** YaRN, arXiv 2309.00071. */
  private static Rope yarn(Fields rope, double theta, int headDim, int maxPositions, int trainedPositions) {
    double factor = rope.number("factor", 1, (double) maxPositions / trainedPositions);
    double fast = positiveOr(rope, "beta_fast", 32);
    double slow = positiveOr(rope, "beta_slow", 1);
    double low = rotationDimension(fast, theta, headDim, trainedPositions);
    double high = rotationDimension(slow, theta, headDim, trainedPositions);
    if (rope.flag("truncate", true)) {
      low = Math.floor(low);
      high = Math.ceil(high);
    }
    low = Math.max(low, 0);
    high = Math.min(high, headDim - 1);
    double width = low == high ? 0.001 : high - low;

    float[] invFreq = new float[headDim / 2];
    for (int i = 0; i < invFreq.length; i++) {
      float period = period(theta, i, headDim);
      float ramp = Math.min(Math.max((i - (float) low) / (float) width, 0), 1);
      float extrapolated = 1 - ramp;
      invFreq[i] = 1 / ((float) factor * period) * (1 - extrapolated) + 1 / period * extrapolated;
    }
    return new Rope(invFreq, (float) yarnAttention(rope, factor));
  }

  private static double yarnAttention(Fields rope, double factor) {
    if (rope.has("attention_factor")) {
      return rope.number("attention_factor", 0);
    }
    double mscale = rope.number("mscale", 0, 0);
    double allDimensions = rope.number("mscale_all_dim", 0, 0);
    return mscale != 0 && allDimensions != 0
        ? attentionScale(factor, mscale) / attentionScale(factor, allDimensions)
        : attentionScale(factor, 1);
  }

  private static double attentionScale(double factor, double mscale) {
    return factor <= 1 ? 1 : 0.1 * mscale * Math.log(factor) + 1;
  }

  /** The dimension that turns this often over the positions of training. */
  private static double rotationDimension(double rotations, double theta, int headDim, int positions) {
    return headDim * Math.log(positions / (rotations * 2 * Math.PI)) / (2 * Math.log(theta));
  }

  private static float period(double theta, int i, int headDim) {
    return (float) Math.pow((float) theta, 2f * i / headDim);
  }

  private static float factor(Fields rope) {
    return (float) rope.number("factor", 1);
  }

  private static double positive(Fields rope, String name) {
    double value = rope.number(name, 0);
    if (value == 0) {
      throw rope.refuse(name, "a number above 0", "0");
    }
    return value;
  }

  private static double positiveOr(Fields rope, String name, double otherwise) {
    double value = rope.number(name, 0, 0);
    return value == 0 ? otherwise : value;
  }
}
