package org.genarm.engine;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import java.util.function.Function;
import org.genarm.guidance.Guidance;
import org.genarm.guidance.SamplingParams;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Random mixes of requests with few pages: they share prefixes, are preempted, change their weights and are cancelled
 * while they run. Each gives the tokens that it gives alone, and pages and lanes are in order after every step.
 */
class RandomMixTest {
  private static final int[][] SYSTEM_PROMPTS = {DemoEngine.prompt(70, 1), DemoEngine.prompt(33, 900), new int[0]};

  /** A request, its weights from a number of tokens on, and the number after which it is cancelled (or beyond its end). */
  private record Work(TokenRequest request, TreeMap<Integer, Guidance> changes, int cancelAfter) {
    static Work random(Random random) {
      int[] system = SYSTEM_PROMPTS[random.nextInt(SYSTEM_PROMPTS.length)];
      List<int[]> prompts = RequestMix.prompts(random, system, 30);
      SamplingParams sampling = RequestMix.sampling(random);
      if (random.nextInt(4) == 0) {
        sampling = sampling.withPenalties(0.5f, random.nextFloat()).withLogitBias(Map.of(random.nextInt(4096), 2f));
      }
      int newTokens = 1 + random.nextInt(60);
      int n = random.nextInt(4) == 0 ? 3 : 1;
      TreeMap<Integer, Guidance> changes = new TreeMap<>();
      for (int i = 0; n == 1 && i < random.nextInt(4); i++) {
        changes.put(1 + random.nextInt(newTokens), weights(random));
      }
      int cancelAfter = n == 1 && random.nextInt(5) == 0 ? 1 + random.nextInt(newTokens) : newTokens + 1;
      return new Work(
          new TokenRequest(prompts, weights(random), sampling, n, newTokens, 0, List.of(2)), changes, cancelAfter);
    }

    private static Guidance weights(Random random) {
      return Guidance.of(random.nextInt(2) * random.nextFloat(), random.nextInt(2) * (random.nextFloat() - 0.5f));
    }

    /** Submits it on the engine's thread or before it runs; weights change in the listener, between two tokens. */
    Submission submit(Engine engine) {
      Submission submission = engine.submit(request);
      submission.onProgress(() -> {
        int size = submission.completions().get(0).size();
        if (changes.containsKey(size)) {
          submission.guidance(changes.get(size));
        }
        if (size == cancelAfter) {
          submission.cancel();
        }
      });
      return submission;
    }
  }

  private static List<List<Integer>> tokens(Submission submission) {
    List<List<Integer>> tokens = new ArrayList<>();
    for (Completion completion : submission.completions()) {
      assertTrue(completion.failure() == null, () -> "" + completion.failure());
      tokens.add(Arrays.stream(completion.tokens()).boxed().toList());
    }
    return tokens;
  }

  private static List<List<Integer>> alone(DemoEngine demo, Work work) {
    return tokens(RequestMix.runAlone(demo.engine, work::submit));
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 2, 3})
  void everyRequestGivesTheTokensThatItGivesAlone(int seed) {
    Random random = new Random(seed);
    List<Work> works = new ArrayList<>();
    for (int i = 0; i < 40; i++) {
      works.add(Work.random(random));
    }
    EngineConfig small = EngineConfig.of(4096, 176, 6, 3).withKvPages(14).withRows(40, 24);
    Map<Work, List<List<Integer>>> expected = new HashMap<>();
    try (DemoEngine demo = DemoEngine.openCallerDriven(EngineConfig.of(4096, 176, 3, 3).withPrefixSharing(false))) {
      works.forEach(work -> expected.put(work, alone(demo, work)));
    }

    try (DemoEngine demo = DemoEngine.openCallerDriven(small)) {
      demo.engine.afterEachStep(scheduler -> PageIntegrity.check(scheduler, demo.engine.pages));
      List<Submission> submissions = RequestMix.runTogether(demo.engine, random,
          works.stream().<Function<Engine, Submission>>map(work -> work::submit).toList());

      for (int i = 0; i < works.size(); i++) {
        assertEquals(expected.get(works.get(i)), tokens(submissions.get(i)), "request " + i);
      }
      EngineLoad load = demo.engine.load();
      assertTrue(load.preemptions() > 0, "nothing was preempted");
      assertTrue(load.prefixHitTokens() > 1000, "nothing was shared: " + load);
      assertEquals(List.of(0, 0, 0), load.kvPagesUsed());
      assertTrue(load.prefixHitTokens() <= load.prefixQueriedTokens());
    }
  }

  @Test
  void sharedPagesOfTheDemoModelsGiveTheSameTokensAsTheirOwn() {
    TokenRequest request = new TokenRequest(
        List.of(SYSTEM_PROMPTS[0], SYSTEM_PROMPTS[0], SYSTEM_PROMPTS[0]), Guidance.of(1, 0.5f), SamplingParams.of(7), 4, 40,
        0, List.of());
    List<List<List<Integer>>> both = new ArrayList<>();
    for (boolean sharing : new boolean[] {false, true}) {
      try (DemoEngine demo = DemoEngine.openCallerDriven(DemoEngine.config(4).withPrefixSharing(sharing))) {
        both.add(alone(demo, new Work(request, new TreeMap<>(), 41)));
        assertEquals(sharing ? 3 * 3 * 64 : 0, demo.engine.load().prefixHitTokens());
      }
    }

    assertEquals(both.get(0), both.get(1));
  }
}
