package org.genarm.checkpoint.convert;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.djl.huggingface.tokenizers.HuggingFaceTokenizer;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.stream.StreamSupport;
import org.genarm.checkpoint.CheckpointException;
import org.genarm.checkpoint.Json;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class TokenizerJsonTest {
  private static final Path GOLDEN = Path.of("tests/golden/convert");

  @TempDir Path temp;

  @ParameterizedTest
  @ValueSource(strings = {"tokenizer-llama", "tokenizer-added", "tokenizer-normalised"})
  void aConvertedTokenizerEncodesAndDecodesAsTheOriginal(String name) throws IOException {
    Conversion.run(GOLDEN.resolve(name), temp.resolve("out"), false, (bytes, total) -> {});

    JsonNode cases = new ObjectMapper().readTree(GOLDEN.resolve(name).resolve("expected.json").toFile());
    try (HuggingFaceTokenizer tokenizer = HuggingFaceTokenizer.newInstance(temp.resolve("out/tokenizer.json"))) {
      for (JsonNode row : cases) {
        String text = row.path("text").textValue();
        long[] ids = StreamSupport.stream(row.path("ids").spliterator(), false).mapToLong(JsonNode::longValue).toArray();
        assertArrayEquals(ids, tokenizer.encode(text, true, false).getIds(), text);
        assertEquals(row.path("decoded").textValue(), tokenizer.decode(ids, true), text);
      }
    }
  }

  @Test
  void theSummaryCountsAddedTokensToo() {
    Conversion done = Conversion.run(GOLDEN.resolve("tokenizer-added"), temp.resolve("out"), false, (bytes, total) -> {});

    assertEquals(421, done.tokens());
    assertEquals(0, done.tensors());
  }

  @Test
  void aTokenizerThatIsThereIsTakenAsItIs() throws IOException {
    Path source = copy("tokenizer-llama");
    Files.copy(GOLDEN.resolve("tied/pytorch_model.bin"), source.resolve("pytorch_model.bin"));
    Files.writeString(source.resolve("tokenizer.json"), "{}");

    Conversion done = Conversion.run(source, temp.resolve("out"), false, (bytes, total) -> {});

    assertEquals(0, done.tokens());
    assertEquals("{}", Files.readString(temp.resolve("out/tokenizer.json")));
  }

  @Test
  void aUnigramModelIsRefusedByName() {
    Path model = GOLDEN.resolve("tokenizer-unigram/tokenizer.model");

    var refused = assertThrows(CheckpointException.class, () -> TokenizerJson.of(model));

    assertEquals(model + ": trainer_spec.model_type: expected BPE, found UNIGRAM", refused.getMessage());
  }

  @Test
  void anAddedTokenBeyondAGapIsRefused() throws IOException {
    Path source = copy("tokenizer-added");
    Files.writeString(source.resolve("added_tokens.json"), "{\"<pad>\": 421}");

    var refused = assertThrows(CheckpointException.class, () -> TokenizerJson.of(source.resolve("tokenizer.model")));

    assertTrue(refused.getMessage().endsWith("<pad>: expected the id 420, found 421"), refused.getMessage());
  }

  @Test
  void theConfigurationDescribesAddedTokensAndWhatStandsAroundAText() throws IOException {
    Path source = copy("tokenizer-llama");
    Files.writeString(
        source.resolve("tokenizer_config.json"),
        """
        {"add_bos_token": false, "add_eos_token": true, "add_prefix_space": false,
         "added_tokens_decoder": {"420": {"content": "<mask>", "lstrip": true, "special": true}}}
        """);

    TokenizerJson.of(source.resolve("tokenizer.model")).write(temp.resolve("tokenizer.json"));

    JsonNode written = Json.read(temp.resolve("tokenizer.json"));
    JsonNode mask = written.path("added_tokens").path(3);
    assertEquals("<mask>", mask.path("content").textValue());
    assertTrue(mask.path("lstrip").booleanValue() && !mask.path("normalized").booleanValue());
    assertEquals(
        "[{\"Sequence\":{\"id\":\"A\",\"type_id\":0}},{\"SpecialToken\":{\"id\":\"</s>\",\"type_id\":0}}]",
        written.path("post_processor").path("single").toString());
    assertEquals(1, written.path("normalizer").path("normalizers").size());
  }

  @Test
  void aTokenUnderAnotherPiecesIdIsRefused() throws IOException {
    Path source = copy("tokenizer-added");
    Files.writeString(source.resolve("added_tokens.json"), "{\"<pad>\": 5}");

    var refused = assertThrows(CheckpointException.class, () -> TokenizerJson.of(source.resolve("tokenizer.model")));

    assertTrue(refused.getMessage().endsWith("<pad>: expected an id of its own, found that of <0x01>"),
        refused.getMessage());
  }

  @Test
  void aModelCutAnywhereIsReadOrRefused() throws IOException {
    byte[] whole = Files.readAllBytes(GOLDEN.resolve("tokenizer-llama/tokenizer.model"));
    Path model = temp.resolve("tokenizer.model");
    int refused = 0;

    for (int length = 0; length < whole.length; length += 7) {
      Files.write(model, Arrays.copyOf(whole, length));
      try {
        TokenizerJson.of(model);
      } catch (CheckpointException expected) {
        refused++;
      }
    }

    assertTrue(refused > whole.length / 7 - 100, refused + "");
  }

  private Path copy(String fixture) throws IOException {
    Path source = Files.createDirectory(temp.resolve("in"));
    try (var list = Files.list(GOLDEN.resolve(fixture))) {
      for (Path file : list.toList()) {
        if (!file.getFileName().toString().equals("expected.json")) {
          Files.copy(file, source.resolve(file.getFileName().toString()));
        }
      }
    }
    return source;
  }
}
