package org.genarm;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.genarm.engine.LawSink;
import org.genarm.engine.TokenLaw;
import org.genarm.guidance.LikeliestTokens;
import org.genarm.guidance.SamplingParams;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** The law that is told beside each drawn token is the one that an analysis of the same text reads. */
class TokenLawTest {
  private static final Path MODELS = Path.of("models");
  private static final double TOLERANCE = 1e-4;
  private static final Map<String, Double> WEIGHTS = Map.of("positive", 1.5, "plain", 0.0);
  private static GenArm genArm;

  @BeforeAll
  static void open() {
    genArm = builder().components(true).build();
  }

  @AfterAll
  static void close() {
    genArm.close();
  }

  private static GenArmBuilder builder() {
    return GenArm.builder()
        .base(MODELS.resolve("demo-base"))
        .arm("positive", MODELS.resolve("demo-arm-positive"))
        .arm("plain", MODELS.resolve("demo-arm-plain"))
        .maxSequences(4);
  }

  @Test
  void itIsTheAnalysisOfTheSameText() throws Exception {
    Request request = Request.of("Fellow citizens,").weights(WEIGHTS).temperature(0.7).topK(20).seed(3)
        .maxNewTokens(12).ignoreEos(true).topLogprobs(5).components(true).build();

    List<Integer> tokens = new ArrayList<>();
    List<TokenLaw> laws = new ArrayList<>();
    genArm.stream(request, piece -> {
      tokens.addAll(piece.tokenIds());
      laws.addAll(piece.laws());
    });

    assertEquals(tokens, laws.stream().map(law -> law.drawn().token()).toList());
    List<float[]> analysed = analyse(request, tokens);
    for (int i = 0; i < tokens.size(); i++) {
      assertIs(analysed.subList(4 * i, 4 * i + 4), laws.get(i));
    }
  }

  /** The guided law, the base's, and each reward model's, before each of the tokens. */
  private static List<float[]> analyse(Request request, List<Integer> tokens) throws InterruptedException {
    int[] prompt = genArm.promptIds(request).get(0);
    int[] row = new int[prompt.length + tokens.size() - 1];
    for (int i = 0; i < row.length; i++) {
      row[i] = i < prompt.length ? prompt[i] : tokens.get(i - prompt.length);
    }
    List<float[]> laws = new ArrayList<>();
    genArm.logprobs(List.of(row), WEIGHTS, SamplingParams.of(0), true, (r, position, model, values) -> {
      if (position >= prompt.length - 1) {
        assertEquals(LawSink.GUIDED + laws.size() % 4, model);
        laws.add(values.clone());
      }
    });
    return laws;
  }

  private static void assertIs(List<float[]> analysed, TokenLaw law) {
    int[] likeliest = LikeliestTokens.of(analysed.get(0), 5);
    assertEquals(likeliest.length, law.likeliest().size());
    List<TokenLaw.Candidate> all = new ArrayList<>(law.likeliest());
    all.add(law.drawn());
    for (int rank = 0; rank < all.size(); rank++) {
      TokenLaw.Candidate candidate = all.get(rank);
      assertEquals(analysed.get(0)[candidate.token()], candidate.logprob(), TOLERANCE);
      if (rank < likeliest.length) {
        assertEquals(analysed.get(0)[likeliest[rank]], candidate.logprob(), TOLERANCE);
      }
      for (int model = 0; model < 3; model++) {
        assertEquals(analysed.get(1 + model)[candidate.token()], candidate.models().get(model), TOLERANCE);
      }
    }
  }

  @Test
  void tellingItDoesNotChangeTheTokens() throws Exception {
    Request.Builder request = Request.of("Fellow citizens,").weights(WEIGHTS).seed(5).maxNewTokens(20).ignoreEos(true);

    List<Integer> silent = genArm.generate(request.build()).choices().get(0).tokenIds();
    List<Integer> told = genArm.generate(request.topLogprobs(0).components(true).build()).choices().get(0).tokenIds();

    assertEquals(silent, told);
  }

  @Test
  void withoutComponentsThereAreNone() throws Exception {
    List<TokenLaw> laws = new ArrayList<>();

    genArm.stream(Request.of("Hello").seed(1).maxNewTokens(3).topLogprobs(2).build(),
        piece -> laws.addAll(piece.laws()));

    assertFalse(laws.isEmpty());
    assertTrue(laws.stream().allMatch(law -> law.likeliest().size() == 2 && law.drawn().models().isEmpty()));
  }

  @Test
  void anEngineWithoutRoomForItRefuses() {
    try (GenArm small = builder().build()) {
      var thrown = assertThrows(IllegalArgumentException.class,
          () -> small.submit(Request.of("Hello").topLogprobs(0).build()));

      assertEquals("log-probabilities need an engine that keeps the laws of 12 single models in a step,"
          + " this one keeps 0", thrown.getMessage());
    }
  }

  @Test
  void aTokenHasItsSpaceInItsText() {
    int[] ids = genArm.promptIds(Request.of("Fellow citizens").build()).get(0);

    StringBuilder text = new StringBuilder();
    for (int id : ids) {
      text.append(genArm.tokenText(id));
    }

    assertEquals("<s>Fellow citizens", text.toString());
  }
}
