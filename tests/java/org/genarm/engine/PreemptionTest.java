package org.genarm.engine;

import static org.genarm.engine.StepHarness.request;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.genarm.binding.Dtype;
import org.genarm.guidance.Guidance;
import org.junit.jupiter.api.Test;

/** Sequences that run out of pages: the first reward model's pool is the small one. */
class PreemptionTest {
  private static TokenRequest different(int number, int length, int maxNewTokens, float... weights) {
    int[] prompt = new int[length];
    Arrays.setAll(prompt, i -> (number * 61 + i) % 500);
    return request(List.of(prompt, prompt, prompt), 1, maxNewTokens, weights);
  }

  private static int size(Submission submission) {
    return submission.completions().get(0).size();
  }

  private static StepHarness untilPreempted(StepHarness harness) {
    for (int steps = 0; harness.scheduler.numPreemptions() == 0; steps++) {
      assertTrue(steps < 100, "pages do not run out");
      harness.step();
    }
    return harness;
  }

  @Test
  void theYoungestGivesWayAndGoesOnWhereItWas() {
    StepHarness harness = new StepHarness(3, 64, 64, 4);
    Submission first = harness.submit(different(1, 14, 40, 1, 0));
    Submission second = harness.submit(different(2, 14, 40, 1, 0));
    untilPreempted(harness);
    int[] before = second.completions().get(0).tokens();

    assertEquals(1, harness.scheduler.numRunning());
    assertEquals(1, harness.inbox.size());
    assertEquals(size(first) - 1, before.length);

    harness.runToTheEnd();
    assertEquals(40, size(first));
    assertEquals(40, size(second));
    assertArrayEquals(before, Arrays.copyOf(second.completions().get(0).tokens(), before.length));
  }

  @Test
  void aPreemptedSequenceGoesBeforeThoseThatWait() {
    StepHarness harness = new StepHarness(2, 64, 64, 4);
    harness.submit(different(1, 14, 40, 1, 0));
    Submission second = harness.submit(different(2, 14, 40, 1, 0));
    Submission third = harness.submit(different(3, 2, 2, 1, 0));
    untilPreempted(harness);

    for (int steps = 0; size(third) == 0; steps++) {
      assertTrue(steps < 200, "the third does not run");
      harness.step();
      assertTrue(size(third) == 0 || second.isFinished() || runs(harness, second), "the third overtook the second");
    }
  }

  private static boolean runs(StepHarness harness, Submission submission) {
    for (int i = 0; i < harness.scheduler.numRunning(); i++) {
      if (harness.scheduler.running(i).submission == submission) {
        return true;
      }
    }
    return false;
  }

  @Test
  void aPreemptedSequenceFindsItsOwnPagesWhereNobodyTookThem() {
    StepHarness harness = new StepHarness(2, 64, 64, 5);
    Submission first = harness.submit(different(1, 30, 30, 1, 0));
    Submission second = harness.submit(different(2, 17, 40, 1, 0));
    untilPreempted(harness);
    assertEquals(16, size(second));
    first.cancel();

    assertEquals(2, harness.step(), "of each lane the row that draws");
    assertEquals(17, size(second));
  }

  @Test
  void aWeightThatComesUpTakesThePagesOfYoungerOnes() {
    StepHarness harness = new StepHarness(2, 128, 64, 4);
    Submission first = harness.submit(different(1, 34, 20, 0, 0));
    Submission second = harness.submit(different(2, 20, 30, 1, 0));
    for (int i = 0; i < 3; i++) {
      harness.step();
    }

    first.guidance(Guidance.of(1, 0));
    harness.step();

    assertEquals(4, size(first));
    assertEquals(3, size(second));
    assertEquals(1, harness.scheduler.numPreemptions());
    harness.runToTheEnd();
    assertEquals(20, size(first));
    assertEquals(30, size(second));
  }

  @Test
  void aWeightThatComesUpWaitsForThePagesOfOlderOnes() {
    StepHarness harness = new StepHarness(2, 128, 64, 4);
    Submission first = harness.submit(different(1, 34, 30, 1, 0));
    Submission second = harness.submit(different(2, 34, 30, 0, 0));
    harness.step();
    harness.step();
    int[] before = second.completions().get(0).tokens();
    assertEquals(2, before.length);

    second.guidance(Guidance.of(1, 0));
    harness.step();

    assertEquals(2, size(second));
    first.cancel();
    harness.runToTheEnd();
    assertArrayEquals(before, Arrays.copyOf(second.completions().get(0).tokens(), 2));
    assertEquals(30, size(second));
  }

  /**
   * The oldest unfinished request gets a token, or rows of its prompts, in every step. So a request ends within the steps
   * that it needs once the one before it has ended, however many younger ones come and whatever it lost before.
   */
  @Test
  void everyRequestEndsWithinTheStepsOfTheOlderOnesAndItsOwn() {
    int chunk = 8; // and the row budget leaves the oldest prompt as many beside three that decode
    StepHarness harness = new StepHarness(
        new EngineConfig(512, 64, 9 + chunk, 4, 400, 16, 4, chunk, 0, 200, true, Dtype.F32, 1));
    Random random = new Random(3);
    List<Submission> submissions = new ArrayList<>();
    List<Integer> due = new ArrayList<>();

    for (int steps = 0; steps == 0 || submissions.stream().anyMatch(s -> !s.isFinished()); steps++) {
      for (int i = 0; submissions.size() < 150 && i < random.nextInt(3); i++) {
        int length = 1 + random.nextInt(40);
        int newTokens = 1 + random.nextInt(24);
        submissions.add(harness.submit(
            different(random.nextInt(3), length, newTokens, random.nextInt(2), random.nextInt(2))));
        int own = newTokens + 3 * (length + newTokens) / chunk + 1;
        due.add(Math.max(due.isEmpty() ? 0 : due.get(due.size() - 1), steps) + own);
      }
      harness.step();
      for (int i = 0; i < submissions.size(); i++) {
        assertTrue(steps < due.get(i) || submissions.get(i).isFinished(), "request " + i + " in step " + steps);
      }
    }

    assertEquals(150, submissions.size());
    assertTrue(harness.scheduler.numPreemptions() > 10, harness.scheduler.numPreemptions() + " preemptions");
    assertTrue(harness.pages.hitTokens() > 100, harness.pages.hitTokens() + " tokens shared");
  }
}
