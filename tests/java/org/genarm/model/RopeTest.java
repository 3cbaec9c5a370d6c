package org.genarm.model;

import static org.junit.jupiter.api.Assertions.assertEquals;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** rope.json: configurations and what transformers 5.18 computes for each (inv_freq, attention_scaling). */
class RopeTest {
  /** Two libraries' pow differ by one unit in the last place; blending doubles that. */
  private static final int ULPS = 2;

  @TempDir private Path directory;

  static List<Arguments> cases() throws IOException {
    List<Arguments> cases = new ArrayList<>();
    for (JsonNode entry : new ObjectMapper().readTree(RopeTest.class.getResourceAsStream("rope.json"))) {
      cases.add(Arguments.of(entry.get("name").textValue(), entry));
    }
    return cases;
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("cases")
  void frequenciesAreTransformers(String name, JsonNode expected) throws IOException {
    Files.writeString(directory.resolve("config.json"), expected.get("config").toString());

    ModelConfig config = ModelConfig.read(directory);

    JsonNode frequencies = expected.get("inv_freq");
    assertEquals(frequencies.size(), config.rotaryFrequencies().size());
    for (int i = 0; i < frequencies.size(); i++) {
      float frequency = frequencies.get(i).floatValue();
      assertEquals(frequency, config.rotaryFrequencies().get(i), ULPS * Math.ulp(frequency), "inv_freq[" + i + "]");
    }
    float factor = expected.get("attention_factor").floatValue();
    assertEquals(factor, config.shape().ropeAttentionFactor(), Math.ulp(factor));
  }
}
