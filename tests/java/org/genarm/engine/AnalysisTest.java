package org.genarm.engine;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.genarm.guidance.Guidance;
import org.genarm.guidance.SamplingParams;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

class AnalysisTest {
  private static final List<int[]> ROWS = List.of(DemoEngine.prompt(37, 5), DemoEngine.prompt(20, 900));
  private static DemoEngine demo;

  @BeforeAll
  static void open() {
    demo = DemoEngine.open(2, DemoEngine.config(8).withMaxComponents(24));
  }

  @AfterAll
  static void close() {
    demo.close();
  }

  private static Map<String, float[]> laws(Engine engine, boolean components, float... weights) throws Exception {
    Map<String, float[]> laws = new HashMap<>();
    engine.laws(new LawRequest(ROWS, Guidance.of(weights), SamplingParams.of(0), components),
        (row, position, model, values) -> laws.put(row + " " + position + " " + model, values.clone()));
    return laws;
  }

  @Test
  void everyPositionOfEveryRowHasItsLaw() throws Exception {
    Map<String, float[]> laws = laws(demo.engine, false, 1, 0);

    assertEquals(57, laws.size());
    for (float[] law : laws.values()) {
      double sum = 0;
      for (float value : law) {
        sum += Math.exp(value);
      }
      assertEquals(1, sum, 1e-4);
    }
  }

  @Test
  void theGuidedLawIsTheWeightedSumOfItsComponentsAlsoOfWeightZero() throws Exception {
    Map<String, float[]> laws = laws(demo.engine, true, 1.5f, 0);

    assertEquals(57 * 4, laws.size());
    float[] guided = laws.get("1 19 -1");
    double[] sums = new double[guided.length];
    for (int v = 0; v < sums.length; v++) {
      sums[v] = laws.get("1 19 0")[v] + 1.5 * laws.get("1 19 1")[v];
    }
    double shift = guided[0] - sums[0];
    for (int v = 0; v < sums.length; v++) {
      assertEquals(sums[v] + shift, guided[v], 1e-4);
    }
    assertTrue(Math.abs(laws.get("1 19 2")[0] - laws.get("1 19 0")[0]) > 1e-3, "the other model has a law of its own");
  }

  @Test
  void theLawsDoNotDependOnTheChunk() throws Exception {
    Map<String, float[]> expected = laws(demo.engine, false, 1, -0.5f);
    try (DemoEngine small = DemoEngine.open(1, DemoEngine.config(3))) {
      Map<String, float[]> found = laws(small.engine, false, 1, -0.5f);

      expected.forEach((key, law) -> assertArrayEquals(law, found.get(key), key));
    }
  }

  @Test
  void itWaitsForGenerationsAndTheyForIt() throws Exception {
    Submission before = demo.engine.submit(DemoEngine.request(ROWS.get(0), SamplingParams.of(1), 40, 1, 0));
    before.await(0);

    laws(demo.engine, false, 1, 0);

    assertTrue(before.isFinished());
    assertEquals(40, before.completions().get(0).size());
  }

  @Test
  void componentsWithoutRoomForThemAreRefused() {
    try (DemoEngine without = DemoEngine.open(1, DemoEngine.config(2))) {
      var thrown = assertThrows(IllegalArgumentException.class, () -> laws(without.engine, true, 1, 0));

      assertEquals("the engine keeps the laws of 0 single models in a step, 3 are needed", thrown.getMessage());
    }
  }

  @Test
  void anOverflowNamesTheRowAndThePosition() {
    var thrown = assertThrows(GenerationException.class, () -> laws(demo.engine, false, 3.4e38f, 0));

    assertEquals("the guided law overflows after position 0 of row 0 (weights [3.4E38, 0.0]): its logits are not"
        + " finite", thrown.getMessage());
  }
}
