package org.genarm;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Guidance does what it is for: the demo base under reward models of known continuations and scores. */
class DemoTest {
  private static final double CLEAR_MARGIN = 0.01;
  private static final Pattern WORD = Pattern.compile("[a-z']+");
  private static final JsonNode EXPECTATIONS = Golden.json(Golden.DEMO.resolve("expectations.json"));
  private static final JsonNode LEXICON = Golden.json(Golden.MODELS.resolve("data/lexicon-afinn.json"));
  private static GenArm genArm;

  @BeforeAll
  static void open() {
    genArm = GenArm.builder()
        .base(Golden.MODELS.resolve("demo-base"))
        .arm("positive", Golden.DEMO.resolve("demo-arm-positive"))
        .arm("plain", Golden.DEMO.resolve("demo-arm-plain"))
        .maxSequences(32)
        .build();
  }

  @AfterAll
  static void close() {
    genArm.close();
  }

  @Test
  void greedyContinuationsAreThoseOfFloat64WhereTheMarginIsClear() throws Exception {
    int compared = 0;
    for (JsonNode one : Golden.json(Golden.DEMO.resolve("greedy.json"))) {
      if (one.get("min_margin").asDouble() <= CLEAR_MARGIN) {
        continue;
      }
      Result result = genArm.generate(Request.ofIds(Golden.array(one.get("prompt_ids"))).weights(weights(one, "weights"))
          .temperature(0).maxNewTokens(one.get("token_ids").size()).ignoreEos(true).build());

      assertEquals(Golden.ints(one.get("token_ids")), result.choices().get(0).tokenIds(), one.toString());
      compared++;
    }
    assertTrue(compared >= 10, compared + " continuations have a clear margin");
  }

  @ParameterizedTest
  @MethodSource("pairsOfWeights")
  void meanScoresAreThoseOfTheTable(JsonNode row) throws Exception {
    List<Generation> running = new ArrayList<>();
    for (JsonNode prompt : EXPECTATIONS.get("prompts")) {
      running.add(genArm.submit(Request.ofIds(Golden.array(prompt)).weights(weights(row, "alphas"))
          .temperature(row.get("temperature").asDouble()).maxNewTokens(EXPECTATIONS.get("max_new_tokens").asInt())
          .seed(running.size()).build()));
    }
    List<String> texts = new ArrayList<>();
    for (Generation generation : running) {
      texts.add(generation.result().text());
    }

    assertNear("positive", row, texts.stream().mapToDouble(DemoTest::positive).toArray());
    assertNear("plain", row, texts.stream().mapToDouble(DemoTest::plain).toArray());
  }

  static List<JsonNode> pairsOfWeights() {
    List<JsonNode> rows = new ArrayList<>();
    EXPECTATIONS.get("rows").forEach(rows::add);
    return rows;
  }

  /** Within three standard errors of the difference of the two means. */
  private static void assertNear(String score, JsonNode row, double[] values) {
    double mean = Arrays.stream(values).average().orElseThrow();
    double variance = Arrays.stream(values).map(value -> (value - mean) * (value - mean)).sum() / (values.length - 1);
    double expected = row.get(score).get(0).asDouble();
    double error = Math.hypot(row.get(score).get(1).asDouble(), Math.sqrt(variance / values.length));
    assertTrue(Math.abs(mean - expected) <= 3 * error,
        score + " at " + row.get("alphas") + " is " + mean + ", expected " + expected + " ± " + error);
  }

  /** The mean valence of a word. */
  private static double positive(String text) {
    List<String> words = words(text);
    return words.stream().mapToInt(word -> LEXICON.path(word).asInt(0)).average().orElse(0);
  }

  /** Minus the mean length of a word. */
  private static double plain(String text) {
    return -words(text).stream().mapToInt(String::length).average().orElse(0);
  }

  private static List<String> words(String text) {
    return WORD.matcher(text.toLowerCase(Locale.ROOT)).results().map(MatchResult::group).toList();
  }

  private static Map<String, Double> weights(JsonNode one, String field) {
    return Map.of("positive", one.get(field).get("positive").asDouble(), "plain", one.get(field).get("plain").asDouble());
  }
}
