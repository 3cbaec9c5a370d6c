package org.genarm.engine;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.management.ManagementFactory;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.function.BiConsumer;
import java.util.function.Function;
import org.genarm.guidance.Guidance;
import org.genarm.guidance.Preferences;
import org.genarm.guidance.SamplingParams;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Steps that are submitted before the tokens of those before them are there: nobody can tell by the tokens. */
class StepsInFlightTest {
  private static final int[] PROMPT = DemoEngine.prompt(20, 5);
  private static final int NEW_TOKENS = 40;

  private static EngineConfig config(int stepsInFlight) {
    return DemoEngine.config(4).withStepsInFlight(stepsInFlight);
  }

  private static TokenRequest request(int seed, float... weights) {
    return DemoEngine.request(PROMPT, SamplingParams.of(seed), NEW_TOKENS, weights);
  }

  private static List<Integer> tokens(Submission submission) {
    return Arrays.stream(submission.completions().get(0).tokens()).boxed().toList();
  }

  private static Submission watched(Engine engine, TokenRequest request, BiConsumer<Submission, Integer> listener) {
    Submission submission = engine.submit(request);
    submission.onProgress(() -> listener.accept(submission, submission.completions().get(0).size()));
    return submission;
  }

  /** Requests of every kind: some share prefixes, end early, have their laws told, are penalised or cancelled. */
  private record Work(TokenRequest request, int cancelAfter) {
    static Work random(Random random) {
      int[] system = DemoEngine.prompt(random.nextBoolean() ? 40 : 0, 1);
      List<int[]> prompts = RequestMix.prompts(random, system, 40);
      SamplingParams sampling = RequestMix.sampling(random);
      if (random.nextInt(8) == 0) {
        sampling = sampling.withPenalties(0.5f, random.nextFloat());
      } else if (random.nextInt(4) == 0) {
        sampling = sampling.withLogitBias(Map.of(random.nextInt(4096), 2f));
      }
      int newTokens = 1 + random.nextInt(60);
      int n = random.nextInt(4) == 0 ? 3 : 1;
      List<Integer> stops = new ArrayList<>(List.of(2));
      for (int left = random.nextInt(2) * 300; left > 0; left--) {
        stops.add(random.nextInt(4096));
      }
      int topLogprobs = random.nextInt(8) == 0 ? 2 : -1;
      int cancelAfter = n == 1 && random.nextInt(5) == 0 ? 1 + random.nextInt(newTokens) : newTokens + 1;
      Guidance guidance = Guidance.of(random.nextInt(2) * random.nextFloat(), random.nextInt(2) * random.nextFloat());
      return new Work(new TokenRequest(prompts, guidance, Preferences.DEFAULT, sampling, n, newTokens,
          random.nextInt(newTokens + 1), stops, topLogprobs, topLogprobs >= 0), cancelAfter);
    }

    Submission submit(Engine engine) {
      return watched(engine, request, (submission, size) -> {
        if (size == cancelAfter) {
          submission.cancel();
        }
      });
    }
  }

  private static List<List<Object>> outcome(Submission submission) {
    List<List<Object>> outcome = new ArrayList<>();
    for (Completion completion : submission.completions()) {
      List<Object> told = new ArrayList<>(List.of(completion.finishReason()));
      for (int i = 0; i < completion.size(); i++) {
        told.add(completion.token(i));
        told.add("" + completion.law(i));
      }
      outcome.add(told);
    }
    return outcome;
  }

  @ParameterizedTest
  @CsvSource({"1, 1", "2, 2", "3, 2", "4, 4", "5, 8"})
  void everyMixGivesTheTokensOfEachRequestAlone(int seed, int stepsInFlight) {
    Random random = new Random(seed);
    List<Work> works = new ArrayList<>();
    for (int i = 0; i < 40; i++) {
      works.add(Work.random(random));
    }
    EngineConfig alone = EngineConfig.of(4096, 176, 3, 3).withPrefixSharing(false).withMaxComponents(9);
    Map<Work, List<List<Object>>> expected = new HashMap<>();
    try (DemoEngine demo = DemoEngine.openCallerDriven(alone)) {
      for (Work work : works) {
        expected.put(work, outcome(RequestMix.runAlone(demo.engine, work::submit)));
      }
    }

    EngineConfig small = EngineConfig.of(4096, 176, 6, 3).withKvPages(14).withRows(40, 24).withMaxComponents(18)
        .withStepsInFlight(stepsInFlight);
    try (DemoEngine demo = DemoEngine.openCallerDriven(small)) {
      int[] mostInFlight = {0};
      demo.engine.afterEachStep(scheduler -> {
        PageIntegrity.check(scheduler, demo.engine.pages);
        mostInFlight[0] = Math.max(mostInFlight[0], scheduler.inFlight().size());
      });
      List<Submission> submissions = RequestMix.runTogether(demo.engine, random,
          works.stream().<Function<Engine, Submission>>map(work -> work::submit).toList());

      for (int i = 0; i < works.size(); i++) {
        assertEquals(expected.get(works.get(i)), outcome(submissions.get(i)), "request " + i);
      }
      EngineLoad load = demo.engine.load();
      assertEquals(stepsInFlight - 1, mostInFlight[0], "steps that outlast a turn");
      assertTrue(load.preemptions() > 0, "nothing was preempted");
      assertTrue(load.prefixHitTokens() > 500, "nothing was shared: " + load);
      assertEquals(List.of(0, 0, 0), load.kvPagesUsed());
      assertTrue(submissions.stream().flatMap(s -> s.completions().stream())
          .filter(c -> c.finishReason() == FinishReason.STOP).count() > 5, "too few stopped");
    }
  }

  /** A step may be submitted as long as its sequences can do without the host. */
  @Test
  void aStepWaitsWhereATokenDecidesOnTheNextLaw() {
    for (boolean penalised : new boolean[] {false, true}) {
      List<Integer> inFlight = new ArrayList<>();
      try (DemoEngine demo = DemoEngine.openCallerDriven(config(3))) {
        SamplingParams sampling = SamplingParams.of(1).withPenalties(penalised ? 1 : 0, 0);
        demo.engine.submit(DemoEngine.request(PROMPT, sampling, 6, 1, 0.5f));
        demo.engine.afterEachStep(scheduler -> inFlight.add(scheduler.inFlight().size()));
        RequestMix.runToTheEnd(demo.engine);
      }
      assertEquals(penalised ? List.of(0, 0, 0, 0, 0, 0) : List.of(2, 2, 2, 2, 1, 0), inFlight);
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {2, 4})
  void guidanceChangesTheStepsThatAreNotYetSubmitted(int stepsInFlight) {
    // A reward model leaves; and two come whose lanes have much to read.
    for (Guidance[] change : new Guidance[][] {
        {Guidance.of(1, 0.5f), Guidance.of(0.3f, 0)}, {Guidance.of(0, 0), Guidance.of(1, 0.5f)}}) {
      List<List<Integer>> both = new ArrayList<>();
      for (int depth : new int[] {1, stepsInFlight}) {
        try (DemoEngine demo = DemoEngine.openCallerDriven(config(depth))) {
          int at = 10 - (depth - 1); // so many tokens more are under way by then
          TokenRequest first = new TokenRequest(
              List.of(PROMPT, PROMPT, PROMPT), change[0], SamplingParams.of(3), 1, NEW_TOKENS, 0, List.of());
          Submission submission = watched(demo.engine, first, (self, size) -> {
            if (size == at) {
              self.guidance(change[1]);
            }
          });
          Submission beside = demo.engine.submit(request(4, 1, 0));
          RequestMix.runToTheEnd(demo.engine);
          both.add(tokens(submission));
          both.add(tokens(beside));
        }
      }

      assertEquals(both.subList(0, 2), both.subList(2, 4));
      assertEquals(NEW_TOKENS, both.get(0).size());
    }
  }

  @Test
  void aStepThatFailsEndsItsSequencesWithWhatTheyHaveDrawn() {
    List<Integer> expected;
    try (DemoEngine demo = DemoEngine.openCallerDriven(config(1))) {
      Submission submission = demo.engine.submit(request(1, 1, 0.5f));
      RequestMix.runToTheEnd(demo.engine);
      expected = tokens(submission);
    }
    try (DemoEngine demo = DemoEngine.openCallerDriven(config(3))) {
      Submission failing = watched(demo.engine, request(1, 1, 0.5f), (self, size) -> {
        if (size == 7) {
          self.weights()[1] = Float.NaN; // which the door refuses
        }
      });
      RequestMix.runToTheEnd(demo.engine);

      Completion failed = failing.completions().get(0);
      assertEquals(FinishReason.ERROR, failed.finishReason());
      assertInstanceOf(IllegalArgumentException.class, failed.failure());
      assertEquals(expected.subList(0, 9), tokens(failing), "7, and two whose steps were in flight");
      assertEquals(List.of(0, 0, 0), demo.engine.load().kvPagesUsed());
      Submission next = demo.engine.submit(request(1, 1, 0.5f));
      RequestMix.runToTheEnd(demo.engine);
      assertEquals(expected, tokens(next));
    }
  }

  /** Operations are timed one step at a time; what was in flight is collected first. */
  @Test
  void profilingMayBeginAndEndBetweenSteps() {
    List<List<Integer>> both = new ArrayList<>();
    List<StepProfile> profiles = new ArrayList<>();
    for (int depth : new int[] {1, 4}) {
      try (DemoEngine demo = DemoEngine.openCallerDriven(config(depth))) {
        Submission submission = watched(demo.engine, request(2, 1, 0.5f), (self, size) -> {
          if (depth > 1 && (size == 5 || size == 20)) {
            demo.engine.profile(size == 5 ? profiles::add : null);
          }
        });
        RequestMix.runToTheEnd(demo.engine);
        both.add(tokens(submission));
      }
    }

    assertEquals(both.get(0), both.get(1));
    assertTrue(profiles.size() >= 10, profiles.size() + " steps were told of");
  }

  @Test
  void closingEndsWhatRunsWithStepsInFlight() throws Exception {
    Submission submission;
    Submission caller;
    try (DemoEngine demo = DemoEngine.open(1, config(4));
        DemoEngine undriven = DemoEngine.openCallerDriven(config(4))) {
      submission = demo.engine.submit(DemoEngine.request(PROMPT, SamplingParams.of(1), 400, 1, 0));
      submission.await(submission.await(0));
      caller = undriven.engine.submit(request(1, 1, 0));
      undriven.engine.turn();
    }

    assertEquals(FinishReason.CANCELLED, submission.completions().get(0).finishReason());
    assertEquals(FinishReason.CANCELLED, caller.completions().get(0).finishReason());
    assertEquals(1, caller.completions().get(0).size());
  }

  @Test
  void speculationKeepsItsOwnPace() {
    List<List<Integer>> both = new ArrayList<>();
    for (Speculation speculation : List.of(Speculation.OFF, Speculation.of(Speculation.Source.LOOKUP))) {
      try (DemoEngine demo = DemoEngine.open(2, config(4), speculation)) {
        Submission submission = demo.engine.submit(request(1, 1, 0.5f));
        both.add(DemoEngine.tokens(submission).get(0));
      } catch (InterruptedException e) {
        throw new IllegalStateException(e);
      }
    }

    assertEquals(both.get(0), both.get(1));
  }

  @Test
  void aTokenAllocatesNothing() {
    var threads = (com.sun.management.ThreadMXBean) ManagementFactory.getThreadMXBean();
    long here = Thread.currentThread().getId();
    try (DemoEngine demo = DemoEngine.openCallerDriven(config(3))) {
      demo.engine.submit(DemoEngine.request(PROMPT, SamplingParams.of(1), 400, 1, 0.5f));
      long least = Long.MAX_VALUE;
      for (int window = 0; window < 7; window++) {
        long before = threads.getThreadAllocatedBytes(here);
        for (int i = 0; i < 50; i++) {
          demo.engine.turn();
        }
        least = Math.min(least, threads.getThreadAllocatedBytes(here) - before);
      }

      assertEquals(0, least, "bytes in 50 tokens");
    }
  }
}
