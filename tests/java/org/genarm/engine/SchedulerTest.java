package org.genarm.engine;

import static org.genarm.engine.StepHarness.request;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.IntBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.concurrent.FutureTask;
import org.genarm.guidance.Guidance;
import org.junit.jupiter.api.Test;

class SchedulerTest {
  @Test
  void manyMixedRequestsEndAndEveryPageComesBack() {
    Random random = new Random(7);
    StepHarness harness = new StepHarness(5, 23, 9, 6);
    List<Submission> submissions = new ArrayList<>();

    for (int i = 0; i < 400; i++) {
      if (random.nextInt(3) > 0 && submissions.stream().filter(s -> !s.isFinished()).count() < 30) {
        int[] lengths = {1 + random.nextInt(40), 1 + random.nextInt(40), 1 + random.nextInt(40)};
        submissions.add(harness.submit(
            request(lengths, 1 + random.nextInt(24), random.nextInt(2), random.nextInt(3) - 1)));
      }
      Submission any = submissions.isEmpty() ? null : submissions.get(random.nextInt(submissions.size()));
      if (any != null && random.nextInt(4) == 0) {
        any.guidance(Guidance.of(random.nextInt(2), random.nextInt(2)));
      }
      if (any != null && random.nextInt(25) == 0) {
        any.cancel();
      }
      harness.step();
    }
    harness.runToTheEnd();

    for (Submission submission : submissions) {
      assertTrue(submission.isFinished());
    }
    for (int view = 0; view < 3; view++) {
      assertEquals(0, harness.pages.pool(view).numUsed());
    }
  }

  @Test
  void aLongPromptDoesNotHoldUpTheOthers() {
    StepHarness harness = new StepHarness(2, 12, 8, 8);
    Submission first = harness.submit(request(2, 20, 1, 0));
    harness.step();
    Submission second = harness.submit(request(40, 4, 1, 0));

    for (int steps = 2; second.completions().get(0).size() == 0; steps++) {
      harness.step();

      assertEquals(steps, first.completions().get(0).size());
    }
  }

  @Test
  void admissionIsFirstComeFirstServed() {
    StepHarness harness = new StepHarness(3, 64, 64, 4);
    Submission first = harness.submit(request(30, 30, 1, 0));
    Submission large = harness.submit(request(40, 20, 1, 0));
    Submission small = harness.submit(request(1, 1, 1, 0));

    harness.step();
    harness.step();

    assertEquals(2, first.completions().get(0).size());
    assertEquals(0, large.completions().get(0).size());
    assertEquals(0, small.completions().get(0).size(), "the small one must not overtake the large one");
    harness.runToTheEnd();
    assertEquals(20, large.completions().get(0).size());
    assertEquals(1, small.completions().get(0).size());
  }

  @Test
  void theStepThatDrawsHasTheLastRowOfLanesOfDifferentLengths() {
    StepHarness harness = new StepHarness(1, 16, 16, 4);
    Submission submission = harness.submit(request(new int[] {3, 40, 17}, 2, 1, 1));

    int steps = 0;
    while (submission.completions().get(0).size() == 0) {
      harness.step();
      steps++;
    }

    assertEquals(4, steps, "60 rows at 16 a step");
  }

  @Test
  void aWeightThatComesUpHasItsLaneComputedBeforeTheNextToken() {
    StepHarness harness = new StepHarness(1, 64, 64, 4);
    Submission submission = harness.submit(request(10, 8, 1, 0));
    harness.step();
    assertEquals(1, harness.step() - 1, "base and the first reward model decode");

    submission.guidance(Guidance.of(0, 2));

    assertEquals(1 + 12, harness.step(), "one row of the base, prompt and continuation of the other");
    assertEquals(3, submission.completions().get(0).size());
    submission.guidance(Guidance.of(1, 2));
    assertEquals(1 + 2 + 1, harness.step(), "the lane left behind catches up");
  }

  @Test
  void anEndTokenEndsTheCompletionAndIsPartOfIt() {
    StepHarness harness = new StepHarness(1, 8, 8, 4);
    Submission submission = harness.submit(request(1, 5, 1, 0));
    harness.nextToken = StepHarness.EOS;

    harness.step();

    assertEquals(FinishReason.STOP, submission.completions().get(0).finishReason());
    assertArrayEquals(new int[] {StepHarness.EOS}, submission.completions().get(0).tokens());
  }

  @Test
  void anEndTokenBeforeTheMinimumDoesNotEndIt() {
    StepHarness harness = new StepHarness(1, 8, 8, 4);
    TokenRequest plain = request(1, 5, 1, 0);
    Submission submission = harness.submit(new TokenRequest(
        plain.prompts(), plain.guidance(), plain.sampling(), 1, 5, 2, List.of(StepHarness.EOS)));
    harness.nextToken = StepHarness.EOS;

    harness.step();
    assertNull(submission.completions().get(0).finishReason());
    harness.nextToken = StepHarness.EOS;
    harness.step();

    assertEquals(FinishReason.STOP, submission.completions().get(0).finishReason());
  }

  @Test
  void aLawThatOverflowsEndsItsOwnSequenceAlone() {
    StepHarness harness = new StepHarness(2, 8, 8, 4);
    Submission bad = harness.submit(request(1, 5, 3e38f, 0));
    Submission good = harness.submit(request(1, 5, 1, 0));
    harness.scheduler.plan();

    harness.scheduler.submitted();
    harness.scheduler.accept(IntBuffer.wrap(new int[] {-1, 9}));
    harness.checkPages();

    assertEquals(FinishReason.ERROR, bad.completions().get(0).finishReason());
    assertEquals("the guided law overflows at position 1 (weights 3.0E38 0.0, temperature 1.0): its logits are not"
        + " finite", bad.completions().get(0).failure().getMessage());
    assertArrayEquals(new int[] {9}, good.completions().get(0).tokens());
    assertNull(good.completions().get(0).finishReason());
  }

  @Test
  void aFailedStepEndsItsSequencesAndGivesTheirPagesBack() {
    StepHarness harness = new StepHarness(1, 8, 8, 4);
    Submission running = harness.submit(request(1, 5, 1, 0));
    Submission waiting = harness.submit(request(1, 1, 1, 0));
    RuntimeException cause = new IllegalArgumentException("the step is wrong");
    harness.scheduler.plan();

    harness.scheduler.fail(cause);
    harness.checkPages();

    assertEquals(FinishReason.ERROR, running.completions().get(0).finishReason());
    assertSame(cause, running.completions().get(0).failure());
    harness.step();
    assertEquals(FinishReason.LENGTH, waiting.completions().get(0).finishReason());
  }

  @Test
  void aCancelledRequestLeavesTheQueueWithoutHavingRun() {
    StepHarness harness = new StepHarness(1, 8, 8, 4);
    harness.submit(request(1, 5, 1, 0));
    Submission waiting = harness.submit(request(1, 5, 1, 0));
    harness.step();

    waiting.cancel();
    harness.step();

    assertEquals(FinishReason.CANCELLED, waiting.completions().get(0).finishReason());
    assertEquals(0, waiting.completions().get(0).size());
  }

  @Test
  void nothingIsAdmittedWhileAnAnalysisWaits() {
    StepHarness harness = new StepHarness(2, 8, 8, 4);
    harness.inbox.offer(new FutureTask<Void>(() -> null));
    harness.submit(request(1, 1, 1, 0));

    assertEquals(0, harness.step());

    harness.inbox.pollAnalysis();
    assertEquals(2, harness.step());
  }
}
