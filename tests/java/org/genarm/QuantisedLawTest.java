package org.genarm;

import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.genarm.binding.Dtype;
import org.genarm.guidance.SamplingParams;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** How far quantised weights move the guided law of the demo pair: the numbers of {@code bench/RESULTS.md}. */
class QuantisedLawTest {
  private static final Path ARM = Golden.DEMO.resolve("demo-arm-positive");
  private static final List<int[]> TEXTS = texts();
  private static double[][] reference;

  @BeforeAll
  static void computeTheReference() throws Exception {
    reference = laws(ARM, null, Dtype.F32);
  }

  @ParameterizedTest
  @CsvSource({"INT8, F32, 0.0002", "INT8, INT8, 0.0005", "INT4, F32, 0.02", "INT4, INT8, 0.02"})
  void theGuidedLawStaysClose(Dtype weights, Dtype activations, double most) throws Exception {
    double[][] quantised = laws(ARM, weights, activations);

    double[] divergence = new double[reference.length];
    int sameFirst = 0;
    for (int i = 0; i < reference.length; i++) {
      divergence[i] = divergence(reference[i], quantised[i]);
      sameFirst += likeliest(reference[i]) == likeliest(quantised[i]) ? 1 : 0;
    }
    double mean = Arrays.stream(divergence).average().orElseThrow();
    System.out.printf(Locale.ROOT,
        "guided law, weights %s, activations %s: KL(unquantised || quantised) over %d positions: mean %.6f, largest "
            + "%.6f nats; likeliest token the same at %.1f %%%n",
        weights, activations, divergence.length, mean, Arrays.stream(divergence).max().orElseThrow(),
        100.0 * sameFirst / divergence.length);
    assertTrue(mean > 0, "the weights were not quantised");
    assertTrue(mean < most, "mean divergence " + mean);
  }

  /** The demo continuations, each behind its prompt. */
  private static List<int[]> texts() {
    List<int[]> texts = new ArrayList<>();
    for (JsonNode one : Golden.json(Golden.DEMO.resolve("greedy.json"))) {
      List<Integer> ids = Golden.ints(one.get("prompt_ids"));
      ids.addAll(Golden.ints(one.get("token_ids")));
      texts.add(ids.stream().mapToInt(Integer::intValue).toArray());
    }
    return texts;
  }

  /** Log-probabilities after every position of every text, base and reward model at weight 1. */
  static double[][] laws(Path arm, Dtype weights, Dtype activations) throws InterruptedException {
    int positions = TEXTS.stream().mapToInt(text -> text.length).sum();
    int[] first = new int[TEXTS.size()];
    for (int i = 1; i < first.length; i++) {
      first[i] = first[i - 1] + TEXTS.get(i - 1).length;
    }
    double[][] laws = new double[positions][];
    try (GenArm genArm = GenArm.builder()
        .base(Golden.MODELS.resolve("demo-base"))
        .arm("positive", arm)
        .dtype(weights)
        .activations(activations)
        .maxSequences(16)
        .build()) {
      genArm.logprobs(TEXTS, Map.of("positive", 1.0), SamplingParams.of(0), false, (row, position, model, values) -> {
        double[] law = new double[genArm.config().vocabSize()];
        for (int v = 0; v < law.length; v++) {
          law[v] = values[v];
        }
        laws[first[row] + position] = law;
      });
    }
    return laws;
  }

  static double divergence(double[] of, double[] from) {
    double sum = 0;
    for (int v = 0; v < of.length; v++) {
      sum += Math.exp(of[v]) * (of[v] - from[v]);
    }
    return sum;
  }

  private static int likeliest(double[] law) {
    int best = 0;
    for (int v = 1; v < law.length; v++) {
      best = law[v] > law[best] ? v : best;
    }
    return best;
  }
}
