package org.genarm.model;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ModelConfigTest {
  @TempDir private Path directory;
  private ModelFixture model;

  @BeforeEach
  void fixture() {
    model = new ModelFixture(directory);
  }

  private ModelConfig read() {
    return ModelConfig.read(model.write());
  }

  private ModelConfig family(String modelType) {
    model.config("model_type", "\"" + modelType + "\"");
    return read();
  }

  @Test
  void whatAConfigurationLeavesOutIsAsInTransformers() {
    model.config("num_key_value_heads", null).config("eos_token_id", null);

    ModelConfig config = read();

    assertEquals(2, config.shape().numKvHeads());
    assertEquals(4, config.shape().headDim());
    assertEquals(2048, config.shape().maxPositions());
    assertEquals(1e-6f, config.shape().rmsNormEps());
    assertFalse(config.shape().tieEmbeddings());
    assertEquals(1, config.rotaryFrequencies().get(0));
    assertEquals(0.01f, config.rotaryFrequencies().get(1), 1e-9f);
    assertEquals(List.of(2), config.eosTokenIds());
    assertEquals(1, config.bosTokenId());
    assertNull(config.storedDtype());
  }

  @Test
  void keyValueHeadsLeftOutAreTheFamilysOwn() {
    model.config("num_attention_heads", "64").config("head_dim", "2").config("num_key_value_heads", null);

    assertEquals(64, family("llama").shape().numKvHeads());
    assertEquals(8, family("mistral").shape().numKvHeads());
    assertEquals(32, family("qwen2").shape().numKvHeads());
    assertEquals(32, family("qwen3").shape().numKvHeads());
  }

  @Test
  void keyValueHeadsOfNullAreAsManyAsHeads() {
    model.config("num_attention_heads", "64").config("head_dim", "2").config("num_key_value_heads", "null");

    assertEquals(64, family("mistral").shape().numKvHeads());
  }

  @Test
  void qwen3sHeadsHave128DimensionsUnlessSaid() {
    assertEquals(128, family("qwen3").shape().headDim());

    model.config("head_dim", "6");
    assertEquals(6, family("qwen3").shape().headDim());

    model.config("head_dim", "null");
    assertEquals(4, family("qwen3").shape().headDim());
  }

  @Test
  void dtypeIsReadUnderEitherName() {
    model.config("torch_dtype", "\"float16\"");
    assertEquals("float16", read().storedDtype());

    model.config("dtype", "\"bfloat16\"");
    assertEquals("bfloat16", read().storedDtype());
  }

  @Test
  void biasesAreTheFamilys() {
    model.config("attention_bias", "true").config("mlp_bias", "true");

    assertEquals(List.of(true, true, true), biases("llama"));
    assertEquals(List.of(false, false, false), biases("mistral"));
    assertEquals(List.of(true, false, false), biases("qwen2"));
    assertEquals(List.of(true, true, false), biases("qwen3"));

    model.config("attention_bias", "false").config("mlp_bias", "false");

    assertEquals(List.of(false, false, false), biases("llama"));
    assertEquals(List.of(true, false, false), biases("qwen2"));
  }

  private List<Boolean> biases(String family) {
    var shape = family(family).shape();
    return List.of(shape.qkvBias(), shape.oBias(), shape.mlpBias());
  }

  @Test
  void onlyQwen3NormalisesItsHeads() {
    assertTrue(family("qwen3").shape().qkNorm());
    assertFalse(family("qwen2").shape().qkNorm());
  }

  @Test
  void mistralSlidesUnlessItsWindowIsNull() {
    model.config("num_hidden_layers", "2");
    assertEquals(List.of(4096, 4096), family("mistral").windows());

    model.config("sliding_window", "12");
    assertEquals(List.of(12, 12), family("mistral").windows());

    model.config("sliding_window", "null");
    assertEquals(List.of(0, 0), family("mistral").windows());
  }

  @Test
  void qwenSlidesOnlyWhereItIsToldTo() {
    model.config("num_hidden_layers", "4").config("sliding_window", "8").config("max_window_layers", "3");
    assertEquals(List.of(0, 0, 0, 0), family("qwen2").windows());

    model.config("use_sliding_window", "true");
    assertEquals(List.of(0, 0, 0, 8), family("qwen2").windows());

    String types = "[\"sliding_attention\",\"full_attention\",\"sliding_attention\",\"full_attention\"]";
    model.config("layer_types", types);
    assertEquals(List.of(8, 0, 8, 0), family("qwen3").windows());
  }

  @Test
  void qwenHasNoTokensOfItsOwnToBeginAndEndWith() {
    model.config("eos_token_id", null);

    assertEquals(List.of(), family("qwen2").eosTokenIds());
    assertNull(family("qwen3").bosTokenId());
  }

  @Test
  void anEndOfNullIsNone() {
    model.config("eos_token_id", "null");

    assertEquals(List.of(), read().eosTokenIds());
  }

  @Test
  void llamaNeverSlides() {
    model.config("sliding_window", "12").config("use_sliding_window", "true");

    assertEquals(List.of(0), read().windows());
  }

  @Test
  void generationConfigSuppliesTheIdsThatEndAText() {
    model.config("eos_token_id", "[2, 3]");
    assertEquals(List.of(2, 3), read().eosTokenIds());

    model.file("generation_config.json", "{\"eos_token_id\": [4, 5], \"temperature\": 0.1}");
    assertEquals(List.of(4, 5), read().eosTokenIds());

    model.file("generation_config.json", "{\"bos_token_id\": 1}");
    assertEquals(List.of(2, 3), read().eosTokenIds());
  }
}
