package org.genarm;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;
import org.genarm.guidance.SamplingParams;

/**
 * What to generate. Made by {@link #of(String)} or {@link #ofIds}, then {@link Builder#build}; every value has a
 * default.
 *
 * @param prompt text, put into each view's template; null where ids are given
 * @param promptIds tokens, used as they are for every view; null where text is given
 * @param templates the template of a view by its name, instead of the one that the engine was opened with
 * @param weights the weight of a reward model by its name; absent: the weight that it was opened with
 * @param sampling its seed counts only where {@code seed} is there
 * @param seed absent: a random one, told in the {@link Result}
 * @param stop strings that end a completion, which does not include them
 */
public record Request(
    String prompt,
    int[] promptIds,
    Map<String, String> templates,
    Map<String, Double> weights,
    SamplingParams sampling,
    OptionalLong seed,
    int n,
    int maxNewTokens,
    int minNewTokens,
    List<String> stop,
    boolean ignoreEos) {
  public Request {
    if ((prompt == null) == (promptIds == null)) {
      throw new IllegalArgumentException("a request has either a prompt or prompt ids");
    }
    if (stop.contains("")) {
      throw new IllegalArgumentException("a stop string must not be empty");
    }
    templates = Map.copyOf(templates);
    weights = Map.copyOf(weights);
    stop = List.copyOf(stop);
  }

  public static Builder of(String prompt) {
    return new Builder(prompt, null);
  }

  public static Builder ofIds(int... promptIds) {
    return new Builder(null, promptIds.clone());
  }

  /** Collects a request's values. */
  public static final class Builder {
    private final String prompt;
    private final int[] promptIds;
    private final Map<String, String> templates = new LinkedHashMap<>();
    private final Map<String, Double> weights = new LinkedHashMap<>();
    private final List<String> stop = new ArrayList<>();
    private float temperature = 1;
    private int topK;
    private float topP = 1;
    private float minP;
    private OptionalLong seed = OptionalLong.empty();
    private int n = 1;
    private int maxNewTokens = 128;
    private int minNewTokens;
    private boolean ignoreEos;

    private Builder(String prompt, int[] promptIds) {
      this.prompt = prompt;
      this.promptIds = promptIds;
    }

    /** The template of a view, "base" or a reward model's name: a template's name, "none" or "auto". */
    public Builder template(String view, String template) {
      templates.put(view, template);
      return this;
    }

    public Builder weight(String arm, double weight) {
      weights.put(arm, weight);
      return this;
    }

    public Builder weights(Map<String, Double> byArm) {
      weights.putAll(byArm);
      return this;
    }

    public Builder temperature(double value) {
      temperature = (float) value;
      return this;
    }

    public Builder topK(int value) {
      topK = value;
      return this;
    }

    public Builder topP(double value) {
      topP = (float) value;
      return this;
    }

    public Builder minP(double value) {
      minP = (float) value;
      return this;
    }

    /** Temperature, top-k, top-p and min-p at once; the seed stays as it is. */
    public Builder sampling(SamplingParams params) {
      temperature = params.temperature();
      topK = params.topK();
      topP = params.topP();
      minP = params.minP();
      return this;
    }

    public Builder seed(long value) {
      seed = OptionalLong.of(value);
      return this;
    }

    public Builder n(int value) {
      n = value;
      return this;
    }

    public Builder maxNewTokens(int value) {
      maxNewTokens = value;
      return this;
    }

    public Builder minNewTokens(int value) {
      minNewTokens = value;
      return this;
    }

    public Builder stop(String... strings) {
      stop.addAll(Arrays.asList(strings));
      return this;
    }

    public Builder ignoreEos(boolean value) {
      ignoreEos = value;
      return this;
    }

    public Request build() {
      SamplingParams sampling = new SamplingParams(temperature, topK, topP, minP, seed.orElse(0));
      return new Request(prompt, promptIds, templates, weights, sampling, seed, n, maxNewTokens, minNewTokens, stop,
          ignoreEos);
    }
  }
}
