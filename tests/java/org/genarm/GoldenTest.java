package org.genarm;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.genarm.engine.LawSink;
import org.genarm.guidance.SamplingParams;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** The laws and greedy tokens that PyTorch computed in float64. */
class GoldenTest {
  private static final double TOLERANCE = 2e-3;
  private static final int PROMPT = 8;

  static List<Path> denseCheckpoints() throws IOException {
    return Golden.denseCheckpoints();
  }

  static List<Path> guided() {
    return List.of(
        Golden.ROOT.resolve("guided-one-arm"),
        Golden.ROOT.resolve("guided-two-arms"),
        Golden.ROOT.resolve("guided-padded-arm"),
        Golden.ROOT.resolve("guided-odd-vocab"));
  }

  @ParameterizedTest
  @MethodSource("denseCheckpoints")
  void aCheckpointsLawAndGreedyTokens(Path folder) throws Exception {
    Path expected = folder.resolve("expected.safetensors");
    List<int[]> rows = Golden.rows(expected, "input_ids");
    try (GenArm genArm = GenArm.builder().base(folder).maxSequences(16).build()) {
      int vocabSize = genArm.config().vocabSize();
      double[] law = Golden.logSoftmax(Golden.floats(expected, "logits"), vocabSize);

      assertClose(law, laws(genArm, rows, Map.of(), SamplingParams.of(0)));
      assertGreedy(Golden.rows(expected, "greedy_ids").get(0), genArm, Map.of());
    }
  }

  @ParameterizedTest
  @MethodSource("guided")
  void aGuidedLawItsTruncationsAndGreedyTokens(Path folder) throws Exception {
    Path expected = folder.resolve("expected.safetensors");
    List<int[]> rows = Golden.rows(expected, "input_ids");
    JsonNode cases = Golden.json(folder.resolve("cases.json"));
    try (GenArm genArm = open(folder, cases)) {
      for (int i = 0; i < cases.get("cases").size(); i++) {
        JsonNode one = cases.get("cases").get(i);
        SamplingParams sampling = new SamplingParams((float) one.get("temperature").asDouble(), 0, 1, 0, 0);
        assertClose(doubles(Golden.floats(expected, "logp." + i)), laws(genArm, rows, weights(genArm, one), sampling));
        assertGreedy(Golden.rows(expected, "greedy_ids." + i).get(0), genArm, weights(genArm, one));
      }
      for (int i = 0; i < cases.get("truncation").size(); i++) {
        assertTruncated(Golden.floats(expected, "trunc." + i), genArm, rows.get(0), cases.get("truncation").get(i));
      }
    }
  }

  private static GenArm open(Path folder, JsonNode cases) {
    GenArmBuilder builder = GenArm.builder().base(Golden.ROOT.resolve(cases.path("base").asText("llama-gqa")));
    for (String arm : armsOf(folder, cases)) {
      builder.arm(arm, Golden.ROOT.resolve(arm));
    }
    return builder.maxSequences(16).build();
  }

  /** The first fixtures say in their README alone which reward models they have. */
  private static List<String> armsOf(Path folder, JsonNode cases) {
    if (cases.has("arms")) {
      List<String> arms = new ArrayList<>();
      cases.get("arms").forEach(arm -> arms.add(arm.asText()));
      return arms;
    }
    return switch (folder.getFileName().toString()) {
      case "guided-one-arm" -> List.of("llama-arm-a");
      case "guided-two-arms" -> List.of("llama-arm-a", "llama-arm-b");
      case "guided-padded-arm" -> List.of("llama-arm-padded-vocab");
      default -> throw new IllegalArgumentException(folder.toString());
    };
  }

  private static Map<String, Double> weights(GenArm genArm, JsonNode one) {
    Map<String, Double> weights = new LinkedHashMap<>();
    for (int i = 0; i < genArm.arms().size(); i++) {
      weights.put(genArm.arms().get(i), one.get("alphas").get(i).asDouble());
    }
    return weights;
  }

  private static double[] laws(GenArm genArm, List<int[]> rows, Map<String, Double> weights, SamplingParams sampling)
      throws InterruptedException {
    int vocabSize = genArm.config().vocabSize();
    int length = rows.get(0).length;
    double[] laws = new double[rows.size() * length * vocabSize];
    genArm.logprobs(rows, weights, sampling, false, (row, position, model, values) -> {
      assertEquals(LawSink.GUIDED, model);
      for (int v = 0; v < vocabSize; v++) {
        laws[(row * length + position) * vocabSize + v] = values[v];
      }
    });
    return laws;
  }

  private static void assertTruncated(float[] expected, GenArm genArm, int[] row, JsonNode one) throws Exception {
    SamplingParams sampling = new SamplingParams(
        (float) one.get("temperature").asDouble(), one.get("top_k").asInt(), (float) one.get("top_p").asDouble(),
        (float) one.path("min_p").asDouble(0), 0);
    double[] laws = laws(genArm, List.of(row), weights(genArm, one), sampling);
    int from = laws.length - expected.length;
    for (int v = 0; v < expected.length; v++) {
      double found = Math.exp(laws[from + v]);
      assertEquals(expected[v] > 0, found > 0, "whether token " + v + " is allowed: " + one);
      assertEquals(expected[v], found, TOLERANCE, "token " + v + ": " + one);
    }
  }

  private static void assertGreedy(int[] expected, GenArm genArm, Map<String, Double> weights) throws Exception {
    Result result = genArm.generate(Request.ofIds(Arrays.copyOf(expected, PROMPT))
        .weights(weights).temperature(0).maxNewTokens(expected.length - PROMPT).ignoreEos(true).build());

    assertEquals(Arrays.stream(expected).skip(PROMPT).boxed().toList(), result.choices().get(0).tokenIds());
  }

  private static void assertClose(double[] expected, double[] found) {
    assertEquals(expected.length, found.length);
    double worst = 0;
    for (int i = 0; i < expected.length; i++) {
      double error = Math.abs(expected[i] - found[i]);
      worst = Math.max(worst, error);
    }
    assertTrue(worst <= TOLERANCE, "the largest difference of log-probabilities is " + worst);
  }

  private static double[] doubles(float[] values) {
    double[] doubles = new double[values.length];
    for (int i = 0; i < values.length; i++) {
      doubles[i] = values[i];
    }
    return doubles;
  }
}
