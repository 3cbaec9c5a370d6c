package org.genarm.train;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.nio.file.Path;
import java.util.List;
import org.genarm.binding.ModelShape;
import org.genarm.model.ModelConfig;
import org.junit.jupiter.api.Test;

class LoraOptionsTest {
  private static final ModelShape SHAPE = ModelConfig.read(Path.of("models/demo-small")).shape();

  @Test
  void targetsNameLayersInTheOrderOfTheModel() {
    var modules = new LoraOptions(4, 8, 0, List.of("down_proj", "q_proj")).modules(SHAPE);

    assertEquals(6, modules.size());
    assertEquals("model.layers.0.self_attn.q_proj", modules.get(0));
    assertEquals("model.layers.0.mlp.down_proj", modules.get(1));
    assertEquals("model.layers.2.mlp.down_proj", modules.get(5));
  }

  @Test
  void allLinearIsEverySevenOfALayer() {
    assertEquals(21, new LoraOptions(4, 8, 0, List.of("all-linear")).modules(SHAPE).size());
  }

  @Test
  void anUnknownTargetIsNamed() {
    var refused =
        assertThrows(IllegalArgumentException.class, () -> new LoraOptions(4, 8, 0, List.of("q_proj", "wte")));

    assertEquals(
        "LoRA target must be one of q_proj, k_proj, v_proj, o_proj, gate_proj, up_proj, down_proj or all-linear, got"
            + " 'wte'",
        refused.getMessage());
  }
}
