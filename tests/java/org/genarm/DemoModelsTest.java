package org.genarm;

import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import org.genarm.eval.Mean;
import org.genarm.score.LexiconScorer;
import org.genarm.score.Response;
import org.genarm.score.Scorer;
import org.genarm.score.WordLengthScorer;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** The reward models of models/ are those of their cards, and each moves the score that it was trained for. */
class DemoModelsTest {
  private static final int PROMPTS = 100;
  private static final int CLEARLY = 3;
  private static final Scorer AFINN = new LexiconScorer(Golden.MODELS.resolve("data/lexicon-afinn.json"));
  private static final Scorer VADER = new LexiconScorer(Golden.MODELS.resolve("data/lexicon-vader.json"));
  private static final Scorer PLAIN = new WordLengthScorer();
  private static GenArm genArm;

  @BeforeAll
  static void open() {
    GenArmBuilder builder = GenArm.builder().base(Golden.MODELS.resolve("demo-base")).maxSequences(32);
    for (String name : List.of("arm-positive", "arm-plain", "lora-positive", "lora-plain", "parm")) {
      builder.arm(name, Golden.MODELS.resolve("demo-" + name), 0);
    }
    genArm = builder.build();
  }

  @AfterAll
  static void close() {
    genArm.close();
  }

  @ParameterizedTest
  @ValueSource(strings = {"demo-arm-positive", "demo-arm-plain", "demo-lora-positive", "demo-lora-plain", "demo-parm"})
  void theCardHasTheChecksumOfTheWeights(String name) throws Exception {
    Path folder = Golden.MODELS.resolve(name);
    Path weights = folder.resolve(name.contains("-arm-") ? "model.safetensors" : "adapter_model.safetensors");

    String checksum =
        HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(Files.readAllBytes(weights)));

    assertTrue(Files.readString(folder.resolve("README.md")).contains(checksum), weights + " is " + checksum);
  }

  @ParameterizedTest
  @CsvSource({"arm-positive, 1", "arm-positive, -1", "lora-positive, 1"})
  void aPositiveModelMovesItsLexiconAndTheHeldOutOne(String name, double weight) throws Exception {
    List<Response> before = responses(Map.of(), List.of(0.5f, 0.5f));
    List<Response> guided = responses(Map.of(name, weight), List.of(0.5f, 0.5f));

    assertMoves(AFINN, before, guided, weight);
    assertMoves(VADER, before, guided, weight);
  }

  @ParameterizedTest
  @CsvSource({"arm-plain, 1", "arm-plain, -0.5", "lora-plain, 1"})
  void aPlainModelMovesTheLengthOfWords(String name, double weight) throws Exception {
    List<Response> before = responses(Map.of(), List.of(0.5f, 0.5f));
    List<Response> guided = responses(Map.of(name, weight), List.of(0.5f, 0.5f));

    assertMoves(PLAIN, before, guided, weight);
  }

  @Test
  void oneModelFollowsThePreferenceBetweenBoth() throws Exception {
    List<Response> plain = responses(Map.of("parm", 1.0), List.of(0f, 1f));
    List<Response> between = responses(Map.of("parm", 1.0), List.of(0.5f, 0.5f));
    List<Response> positive = responses(Map.of("parm", 1.0), List.of(1f, 0f));

    assertMoves(AFINN, plain, between, 1);
    assertMoves(PLAIN, between, plain, 1);
    assertMoves(PLAIN, positive, between, 1);
    assertMoves(VADER, plain, positive, 1);
  }

  private static List<Response> responses(Map<String, Double> weights, List<Float> preference) throws Exception {
    List<Generation> running = new ArrayList<>();
    JsonNode prompts = Golden.json(Golden.DEMO.resolve("expectations.json")).get("prompts");
    for (int i = 0; i < PROMPTS; i++) {
      running.add(genArm.submit(Request.ofIds(Golden.array(prompts.get(i))).weights(weights)
          .preference("parm", preference).maxNewTokens(48).seed(i).build()));
    }
    List<Response> responses = new ArrayList<>();
    for (Generation generation : running) {
      responses.add(new Response("", generation.result().text()));
    }
    return responses;
  }

  /** In the direction of the sign, by more than the errors of both means explain. */
  private static void assertMoves(Scorer scorer, List<Response> from, List<Response> to, double sign) throws Exception {
    Mean before = Mean.of(scorer.score(from));
    Mean after = Mean.of(scorer.score(to));
    double error = Math.hypot(before.standardError(), after.standardError());
    assertTrue(Math.signum(sign) * (after.value() - before.value()) > CLEARLY * error, before + " to " + after);
  }
}
