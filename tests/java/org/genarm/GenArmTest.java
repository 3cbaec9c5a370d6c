package org.genarm;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.genarm.checkpoint.CheckpointException;
import org.genarm.engine.FinishReason;
import org.genarm.engine.GenerationException;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The facade with the demo models: text, stop strings, templates, names. */
class GenArmTest {
  private static final Path POSITIVE = Golden.MODELS.resolve("demo-arm-positive");
  private static GenArm genArm;

  @BeforeAll
  static void open() {
    genArm = GenArm.builder().base(Golden.MODELS.resolve("demo-base")).arm("positive", POSITIVE, 1.5).build();
  }

  @AfterAll
  static void close() {
    genArm.close();
    genArm.close();
  }

  private static Request.Builder request() {
    return Request.of("Fellow citizens,").seed(7).maxNewTokens(48);
  }

  @Test
  void theSameSeedGivesTheSameTextAndAnotherAnother() throws Exception {
    String text = genArm.generate(request().build()).text();

    assertEquals(text, genArm.generate(request().build()).text());
    assertNotEquals(text, genArm.generate(request().seed(8).build()).text());
  }

  @Test
  void aRandomSeedIsToldAndGivesTheSameAgain() throws Exception {
    Result first = genArm.generate(Request.of("In the beginning").maxNewTokens(20).build());

    Result again = genArm.generate(Request.of("In the beginning").maxNewTokens(20).seed(first.seed()).build());

    assertEquals(first.text(), again.text());
  }

  @Test
  void theWeightThatItWasOpenedWithCountsWhereARequestDoesNotSay() throws Exception {
    assertEquals(genArm.generate(request().build()).text(),
        genArm.generate(request().weight("positive", 1.5).build()).text());
    assertNotEquals(genArm.generate(request().build()).text(),
        genArm.generate(request().weight("positive", 0).build()).text());
  }

  @Test
  void aStopStringAcrossTokensEndsTheTextBeforeItAndIsNeverStreamed() throws Exception {
    String whole = genArm.generate(request().build()).text();
    String stop = whole.substring(whole.length() / 2, whole.length() / 2 + 7);
    List<Piece> pieces = new ArrayList<>();

    Result result = genArm.stream(request().stop("never this", stop).build(), pieces::add);

    Result.Choice choice = result.choices().get(0);
    assertEquals(whole.substring(0, whole.indexOf(stop)), choice.text());
    assertEquals(FinishReason.STOP, choice.finishReason());
    assertEquals(choice.text(), String.join("", pieces.stream().map(Piece::text).toList()));
    List<Integer> ids = new ArrayList<>();
    pieces.forEach(piece -> ids.addAll(piece.tokenIds()));
    assertEquals(ids, choice.tokenIds());
    assertTrue(ids.size() < 48);
  }

  @Test
  void theChoicesOfARequestDifferAndTheFirstIsThatOfOneAlone() throws Exception {
    Result result = genArm.generate(request().n(3).build());

    assertEquals(3, result.choices().stream().map(Result.Choice::text).distinct().count());
    assertEquals(genArm.generate(request().build()).text(), result.text());
  }

  @Test
  void eachViewHasATemplateOfItsOwn() throws Exception {
    Result plain = genArm.generate(request().build());

    Result base = genArm.generate(request().template("tulu").armTemplate("positive", "none").build());
    Result arm = genArm.generate(request().armTemplate("positive", "alpaca").build());

    assertTrue(base.promptTokens() > plain.promptTokens());
    assertEquals(plain.promptTokens(), arm.promptTokens());
    assertNotEquals(plain.text(), arm.text());
  }

  @Test
  void tokenIdsAreUsedAsTheyAre() throws Exception {
    Result result = genArm.generate(Request.ofIds(1, 40, 71, 1018, 944, 14).seed(7).maxNewTokens(48).build());

    assertEquals(6, result.promptTokens());
    assertEquals(genArm.generate(request().build()).choices().get(0).tokenIds(),
        result.choices().get(0).tokenIds(), "the text's BOS is the tokenizer's, once");
  }

  @Test
  void aCancelledGenerationKeepsWhatItHas() throws Exception {
    Generation generation = genArm.submit(request().maxNewTokens(400).ignoreEos(true).build());
    generation.next();

    generation.cancel();
    Result.Choice choice = generation.result().choices().get(0);

    assertEquals(FinishReason.CANCELLED, choice.finishReason());
    assertFalse(choice.tokenIds().isEmpty());
  }

  @Test
  void aReaderMayPollWhenItIsWoken() throws Exception {
    Generation generation = genArm.submit(request().build());
    Object woken = new Object();
    generation.onProgress(() -> {
      synchronized (woken) {
        woken.notifyAll();
      }
    });
    StringBuilder text = new StringBuilder();
    synchronized (woken) {
      while (!generation.hasEnded()) {
        Piece piece = generation.poll();
        if (piece != null) {
          text.append(piece.text());
        } else {
          woken.wait(1000);
        }
      }
    }

    assertEquals(genArm.generate(request().build()).text(), text.toString());
  }

  @Test
  void anUnknownRewardModelIsNamed() {
    var thrown = assertThrows(IllegalArgumentException.class,
        () -> genArm.submit(request().weight("kind", 1).build()));

    assertEquals("no reward model is called kind, there are [positive]", thrown.getMessage());
  }

  @Test
  void anUnknownNameInAChangeOfGuidanceLeavesTheGenerationAsItIs() throws Exception {
    Generation generation = genArm.submit(request().build());

    assertThrows(IllegalArgumentException.class, () -> generation.guidance(Map.of("kind", 1.0)));

    assertEquals(genArm.generate(request().build()).text(), generation.result().text());
  }

  @Test
  void aLawThatOverflowsIsAnException() {
    Request request = request().weight("positive", 3.4e38).build();

    assertThrows(GenerationException.class, () -> genArm.generate(request));
  }

  @Test
  void aSmallerVocabularyIsRefusedByName() {
    var thrown = assertThrows(CheckpointException.class, () -> GenArm.builder()
        .base(Golden.MODELS.resolve("demo-base")).arm("other", Golden.ROOT.resolve("llama-arm-a")).build());

    assertEquals("tests/golden/llama-arm-a: expected a vocabulary that covers the 4096 tokens that the base draws"
        + " from, found 512 tokens in other", thrown.getMessage());
  }

  @Test
  void anotherVocabularyOfTheSameSizeIsRefusedByName(@TempDir Path copy) throws IOException {
    try (var files = Files.list(POSITIVE)) {
      for (Path file : files.toList()) {
        Files.copy(file, copy.resolve(file.getFileName()));
      }
    }
    ObjectNode tokenizer = (ObjectNode) Golden.json(copy.resolve("tokenizer.json"));
    ((ObjectNode) tokenizer.get("added_tokens").get(0)).put("content", "<padding>");
    ObjectNode vocabulary = (ObjectNode) tokenizer.get("model").get("vocab");
    vocabulary.set("<padding>", vocabulary.remove("<pad>"));
    Files.writeString(copy.resolve("tokenizer.json"), tokenizer.toString());

    var thrown = assertThrows(CheckpointException.class, () -> GenArm.builder()
        .base(Golden.MODELS.resolve("demo-base")).arm("padded", copy).build());

    assertTrue(thrown.getMessage().startsWith(
        copy + ": expected the base's vocabulary in padded, found another: id 0 is '<pad>' here and '<padding>' there"),
        thrown.getMessage());
  }

  @Test
  void moreThanAModelsPositionsAreRefused() {
    var thrown = assertThrows(IllegalArgumentException.class, () -> GenArm.builder()
        .base(Golden.MODELS.resolve("demo-base")).maxModelLen(513).build());

    assertEquals("max_model_len is 513, base (models/demo-base) has 512 positions", thrown.getMessage());
  }

  @Test
  void aBaseWithoutATokenizerServesIds() throws Exception {
    try (GenArm ids = GenArm.builder().base(Golden.ROOT.resolve("llama-gqa")).build()) {
      Result result = ids.generate(Request.ofIds(1, 2, 3).maxNewTokens(5).ignoreEos(true).build());

      assertEquals(5, result.choices().get(0).tokenIds().size());
      assertEquals("", result.text());
      var text = assertThrows(IllegalArgumentException.class, () -> ids.submit(request().build()));
      assertEquals("a text prompt needs a tokenizer, the base has none: give token ids", text.getMessage());
      var stop = assertThrows(IllegalArgumentException.class,
          () -> ids.submit(Request.ofIds(1).stop("x").build()));
      assertEquals("stop strings need a tokenizer, the base has none", stop.getMessage());
    }
  }

  @Test
  void oneDirectoryUnderTwoNamesIsLoadedOnceAndCountsTwice() throws Exception {
    try (GenArm twice = GenArm.builder().base(Golden.MODELS.resolve("demo-base"))
        .arm("a", POSITIVE, 0.5).arm("b", POSITIVE, 1).build()) {
      Request greedy = request().temperature(0).build();

      assertEquals(genArm.generate(greedy).text(), twice.generate(greedy).text());
    }
  }
}
