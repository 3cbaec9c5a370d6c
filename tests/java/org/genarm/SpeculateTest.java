package org.genarm;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.genarm.checkpoint.CheckpointException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Speculation from the facade: the choices by name, and texts with stop strings and log-probabilities. */
class SpeculateTest {
  private static final Path SMALL = Golden.MODELS.resolve("demo-small");
  private static final Path LORA = Golden.ROOT.resolve("lora-arm-on-llama-gqa");

  private static GenArmBuilder demo() {
    return GenArm.builder().base(Golden.MODELS.resolve("demo-base"))
        .arm("positive", Golden.DEMO.resolve("demo-arm-positive"), 1.5).components(true);
  }

  private static List<Result.Choice> texts(GenArm genArm) throws InterruptedException {
    List<Result.Choice> choices = new ArrayList<>();
    for (int seed = 0; seed < 6; seed++) {
      Request.Builder request = Request.of("We the people of the land and we the people of the")
          .seed(seed).maxNewTokens(60).stop(" and", ".");
      Result result = genArm.generate(request.topLogprobs(seed % 2 == 0 ? 2 : -1).temperature(seed % 3).build());
      Result.Choice choice = result.choices().get(0);
      choices.add(new Result.Choice(choice.text(), choice.tokenIds(), choice.finishReason(), null));
    }
    return choices;
  }

  @ParameterizedTest
  @ValueSource(strings = {"arm", "lookup", "auto", "draft=models/demo-small"})
  void theTextIsTheSame(String choice) throws Exception {
    List<Result.Choice> expected;
    try (GenArm genArm = demo().build()) {
      expected = texts(genArm);
    }

    try (GenArm genArm = demo().speculate(choice).build()) {
      assertEquals(expected, texts(genArm));
      assertTrue(genArm.speculation().drafted() > 0);
    }
  }

  @Test
  void whatWasGuessedIsTold() throws Exception {
    try (GenArm genArm = demo().speculate("draft=" + SMALL).build()) {
      Result result = genArm.generate(Request.of("In the beginning").seed(1).maxNewTokens(50).build());

      var timings = result.choices().get(0).timings();
      assertEquals(genArm.speculation().drafted(), timings.draftedTokens());
      assertEquals(genArm.speculation().accepted(), timings.acceptedTokens());
      assertTrue(timings.acceptedTokens() > 0);
    }
  }

  @Test
  void anAdaptersOwnCheckpointDraftsBesideIt() throws Exception {
    int[] prompt = {1, 5, 9, 100};
    List<List<Integer>> tokens = new ArrayList<>();
    for (String choice : List.of("off", "arm")) {
      try (GenArm genArm = GenArm.builder().base(Golden.ROOT.resolve("llama-fp32"))
          .arm("lora", LORA).armBase("lora", Golden.ROOT.resolve("llama-gqa")).speculate(choice).build()) {
        tokens.add(genArm.generate(Request.ofIds(prompt).seed(4).maxNewTokens(40).build()).choices().get(0).tokenIds());
        assertEquals(choice.equals("arm"), genArm.speculation().drafted() > 0);
      }
    }

    assertEquals(tokens.get(0), tokens.get(1));
  }

  @Test
  void aRequestWithoutGuidanceIsNotDraftedByRewardModels() throws Exception {
    try (GenArm genArm = demo().speculate("arm").build()) {
      genArm.generate(Request.of("In the beginning").seed(1).maxNewTokens(20).weights(Map.of("positive", 0.0)).build());

      assertEquals(0, genArm.speculation().drafted());
    }
  }

  @Test
  void anUnknownChoiceIsRefused() {
    var thrown = assertThrows(IllegalArgumentException.class, () -> GenArm.builder().speculate("draft="));

    assertEquals("speculation: expected auto, off, arm, lookup or draft=DIR, got 'draft='", thrown.getMessage());
  }

  @Test
  void rewardModelsOverTheBasesWeightsCannotDraft() {
    GenArmBuilder builder =
        GenArm.builder().base(Golden.ROOT.resolve("llama-gqa")).arm("lora", LORA).speculate("arm");

    var thrown = assertThrows(IllegalArgumentException.class, builder::build);

    assertEquals("reward models cannot draft: there is none with weights of its own", thrown.getMessage());
  }

  @Test
  void aDraftModelOfAnotherVocabularyIsRefused() {
    GenArmBuilder builder = demo().speculate("draft=" + Golden.ROOT.resolve("llama-gqa"));

    var thrown = assertThrows(CheckpointException.class, builder::build);

    assertTrue(thrown.getMessage().contains("512 tokens in draft"), thrown.getMessage());
  }
}
