package org.genarm.model;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.genarm.checkpoint.CheckpointException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class AdapterConfigTest {
  private static final String Q = "model.layers.3.self_attn.q_proj";

  @TempDir Path directory;

  @Test
  void theScaleOfLoraIsAlphaOverTheRank() throws IOException {
    AdapterConfig config = read("{'peft_type': 'LORA', 'r': 8, 'lora_alpha': 16}");

    assertEquals(8, config.rank(Q));
    assertEquals(2f, config.scale(Q));
    assertEquals(0, config.numObjectives());
  }

  @Test
  void aStabilisedRankCountsByItsRoot() throws IOException {
    AdapterConfig config = read("{'peft_type': 'LORA', 'r': 16, 'lora_alpha': 8, 'use_rslora': true}");

    assertEquals(2f, config.scale(Q));
  }

  @Test
  void patternsMatchTheEndOfAModulesName() throws IOException {
    AdapterConfig config =
        read(
            "{'peft_type': 'LORA', 'r': 8, 'lora_alpha': 16, 'rank_pattern': {'q_proj': 4, 'layers.2.mlp.up_proj': 2},"
                + " 'alpha_pattern': {'layers\\\\.[0-3]\\\\.self_attn\\\\.q_proj': 32}}");

    assertEquals(4, config.rank(Q));
    assertEquals(8f, config.scale(Q));
    assertEquals(4f, config.scale("model.layers.4.self_attn.q_proj"));
    assertEquals(2, config.rank("model.layers.2.mlp.up_proj"));
    assertEquals(8, config.rank("model.layers.12.mlp.up_proj"));
    assertEquals(8, config.rank("model.layers.3.self_attn.k_proj"));
  }

  @Test
  void aPreferenceConditionedAdapterHasTwoRanks() throws IOException {
    AdapterConfig config =
        read("{'peft_type': 'PBLORA', 'r1': 4, 'r2': 2, 'obj_num': 2, 'lora_alpha': 8, 'pref_vec_init': [0.25, 0.75]}");

    assertEquals(6, config.rank(Q));
    assertEquals(4f, config.scale(Q));
    assertEquals(List.of(0.25f, 0.75f), config.preference());
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "{'peft_type': 'IA3'} | peft_type: expected LORA or PBLORA, found the string \"IA3\"",
        "{'peft_type': 'LORA', 'r': 8, 'lora_alpha': 16, 'use_dora': true} | use_dora: expected none: it is not supported, found true",
        "{'peft_type': 'LORA', 'r': 8, 'lora_alpha': 16, 'modules_to_save': ['lm_head']} | modules_to_save: expected none: it is not supported, found an array",
        "{'peft_type': 'LORA', 'r': 8, 'lora_alpha': 16, 'bias': 'all'} | bias: expected \"none\", found the string \"all\"",
        "{'peft_type': 'LORA', 'r': 0, 'lora_alpha': 16} | r: expected a whole number from 1 to 1024, found 0",
        "{'peft_type': 'LORA', 'r': 8} | lora_alpha: expected a number of at least 0, found nothing",
        "{'peft_type': 'LORA', 'r': 8, 'lora_alpha': 16, 'rank_pattern': {'(': 4}} | rank_pattern.(: expected a pattern of module names, found Unclosed group",
        "{'peft_type': 'PBLORA', 'r1': 4, 'r2': 4, 'obj_num': 2, 'lora_alpha': 8, 'pref_vec_init': [1]} | pref_vec_init: expected an array of obj_num (2) numbers, found an array",
      })
  void whatIsNotComputedIsRefused(String json, String message) {
    var thrown = assertThrows(CheckpointException.class, () -> read(json));

    assertTrue(thrown.getMessage().startsWith(directory.resolve(AdapterConfig.FILE).toString()));
    assertTrue(thrown.getMessage().endsWith(message), thrown.getMessage());
  }

  private AdapterConfig read(String json) throws IOException {
    Files.writeString(directory.resolve(AdapterConfig.FILE), json.replace('\'', '"'));
    return AdapterConfig.read(directory);
  }
}
