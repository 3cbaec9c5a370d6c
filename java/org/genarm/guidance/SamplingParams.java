package org.genarm.guidance;

/**
 * How a token is drawn from the guided logits z: softmax(min-p(top-p(top-k(z / temperature)))), with noise that
 * depends on the seed, the choice, the position and the token alone.
 *
 * @param temperature at least 0; 0 takes the likeliest token, the lowest id on ties
 * @param topK keeps the k likeliest tokens and those that tie with the k-th; 0 or -1 is off
 * @param topP keeps the smallest set whose probability reaches this, in (0, 1]; 1 is off
 * @param minP keeps tokens at least this many times as likely as the likeliest, in [0, 1]; 0 is off
 * @param seed the same seed gives the same tokens
 */
public record SamplingParams(float temperature, int topK, float topP, float minP, long seed) {
  public SamplingParams {
    require(temperature >= 0 && Float.isFinite(temperature), "temperature", "at least 0 and finite", temperature);
    require(topK >= -1, "top_k", "at least 1, or 0 or -1 for off", topK);
    require(topP > 0 && topP <= 1, "top_p", "above 0 and at most 1", topP);
    require(minP >= 0 && minP <= 1, "min_p", "between 0 and 1", minP);
    topK = Math.max(topK, 0);
  }

  /** The law itself: temperature 1, nothing cut off. */
  public static SamplingParams of(long seed) {
    return new SamplingParams(1, 0, 1, 0, seed);
  }

  /** The likeliest token each time. */
  public static SamplingParams greedy() {
    return new SamplingParams(0, 0, 1, 0, 0);
  }

  private static void require(boolean holds, String name, String expected, Object found) {
    if (!holds) {
      throw new IllegalArgumentException(name + " must be " + expected + ", got " + found);
    }
  }
}
