package org.genarm.guidance;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class GuidanceTest {
  @Test
  void aWeightThatOverflowsInSinglePrecisionIsRefusedByName() {
    var thrown = assertThrows(IllegalArgumentException.class, () -> Guidance.weight("positive", 1e39));

    assertEquals("the weight of positive must be finite in 32-bit floating point, got 1.0E39", thrown.getMessage());
  }

  @Test
  void aWeightThatIsNotANumberIsRefused() {
    var thrown = assertThrows(IllegalArgumentException.class, () -> Guidance.of(1, Float.NaN));

    assertEquals("a guidance weight must be finite, got NaN", thrown.getMessage());
  }

  @ParameterizedTest
  @CsvSource(delimiter = '|', value = {
    "-1   | 0  | 1   | 0   | temperature must be at least 0 and finite, got -1.0",
    "NaN  | 0  | 1   | 0   | temperature must be at least 0 and finite, got NaN",
    "1    | -2 | 1   | 0   | top_k must be at least 1, or 0 or -1 for off, got -2",
    "1    | 0  | 0   | 0   | top_p must be above 0 and at most 1, got 0.0",
    "1    | 0  | 1.5 | 0   | top_p must be above 0 and at most 1, got 1.5",
    "1    | 0  | 1   | 1.1 | min_p must be between 0 and 1, got 1.1",
  })
  void aSamplingParameterOutOfRangeIsRefused(float temperature, int topK, float topP, float minP, String message) {
    var thrown =
        assertThrows(IllegalArgumentException.class, () -> new SamplingParams(temperature, topK, topP, minP, 0));

    assertEquals(message, thrown.getMessage());
  }

  @Test
  void topKOfMinusOneIsOff() {
    assertEquals(0, new SamplingParams(1, -1, 1, 0, 0).topK());
  }
}
