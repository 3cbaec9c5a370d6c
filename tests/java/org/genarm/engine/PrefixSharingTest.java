package org.genarm.engine;

import static org.genarm.engine.StepHarness.request;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;

import java.util.Arrays;
import java.util.List;
import org.genarm.binding.Dtype;
import org.genarm.guidance.Guidance;
import org.genarm.guidance.Preferences;
import org.junit.jupiter.api.Test;

/** Pages of 16 positions; the base alone runs unless a test says otherwise. */
class PrefixSharingTest {
  private static int[] prompt(int from, int length) {
    int[] prompt = new int[length];
    Arrays.setAll(prompt, i -> from + i);
    return prompt;
  }

  private static int[] joined(int[] first, int[] second) {
    int[] both = Arrays.copyOf(first, first.length + second.length);
    System.arraycopy(second, 0, both, first.length, second.length);
    return both;
  }

  private static TokenRequest base(int[] prompt, int n, int maxNewTokens) {
    return request(List.of(prompt, prompt, prompt), n, maxNewTokens, 0, 0);
  }

  @Test
  void theChoicesOfARequestReadTheirPromptOnce() {
    StepHarness harness = new StepHarness(4, 64, 64, 16);
    harness.submit(base(prompt(10, 40), 4, 3));

    assertEquals(40 + 3 * 8, harness.step(), "two pages are full, the rest of the prompt is each choice's own");
    assertEquals(4, harness.drawing());
    assertEquals(2 + 4, harness.pages.pool(0).numUsed());
    assertEquals(3 * 32, harness.pages.hitTokens());
    assertEquals(4 * 40, harness.pages.queriedTokens());
  }

  @Test
  void aSystemPromptIsReadOnceForRequestsThatFollowEachOther() {
    StepHarness harness = new StepHarness(1, 64, 64, 16);
    int[] system = prompt(10, 32);
    harness.submit(base(joined(system, prompt(100, 9)), 1, 2));
    harness.runToTheEnd();

    harness.submit(base(joined(system, prompt(200, 5)), 1, 1));

    assertEquals(5, harness.step());
    assertEquals(32, harness.pages.hitTokens());
  }

  @Test
  void whatWasGeneratedIsSharedWithTheNextTurn() {
    StepHarness harness = new StepHarness(1, 64, 64, 16);
    Submission first = harness.submit(base(prompt(10, 20), 1, 14));
    harness.runToTheEnd();
    int[] turn = joined(prompt(10, 20), first.completions().get(0).tokens());

    harness.submit(base(joined(turn, prompt(60, 3)), 1, 1));

    assertEquals(37 - 32, harness.step());
  }

  @Test
  void theRowThatDrawsIsComputedThoughItsPageIsThere() {
    StepHarness harness = new StepHarness(1, 64, 64, 16);
    harness.submit(base(prompt(10, 32), 1, 1));
    harness.runToTheEnd();

    harness.submit(base(prompt(10, 32), 1, 1));

    assertEquals(16, harness.step());
  }

  @Test
  void viewsOverOneWeightSetDoNotShareTheirPages() {
    StepHarness harness = new StepHarness(1, 64, 64, 16);
    harness.submit(base(prompt(10, 20), 1, 1));
    harness.runToTheEnd();

    harness.submit(request(List.of(prompt(10, 20), prompt(10, 20), prompt(10, 20)), 1, 1, 0, 1));

    assertEquals(4 + 20, harness.step(), "the second reward model reads the prompt as the base has");
  }

  @Test
  void lanesOfDifferentPreferencesDoNotShareTheirPages() {
    StepHarness harness = new StepHarness(1, 64, 64, 16);
    for (float preference : new float[] {0.25f, 0.75f, 0.25f}) {
      TokenRequest plain = base(prompt(10, 20), 1, 1);
      harness.submit(new TokenRequest(plain.prompts(), Guidance.of(0, 1),
          new Preferences(List.of(List.of(), List.of(), List.of(preference))), plain.sampling(), 1, 1, 0, List.of(), -1,
          false));
    }

    assertEquals(20 + 20, harness.step());
    assertEquals(4 + 20, harness.step(), "the base shares, the reward model reads anew");
    assertEquals(4 + 4, harness.step());
  }

  @Test
  void pagesThatNobodyRefersToAreKeptUntilTheyAreNeededTheLongestIdleFirst() {
    StepHarness harness = new StepHarness(1, 128, 128, 4); // the base's pool has 8 pages
    for (int from : new int[] {100, 200, 300}) {
      harness.submit(base(prompt(from, 40), 1, 1)); // two full pages and one that is freed
      harness.runToTheEnd();
    }
    assertEquals(6, harness.pages.pool(0).idlePages().length);

    harness.submit(base(prompt(400, 50), 1, 1)); // takes two free ones and two of the first
    harness.runToTheEnd();

    harness.submit(base(prompt(200, 40), 1, 1));
    assertEquals(8, harness.step());
    harness.submit(base(prompt(100, 40), 1, 1));
    assertEquals(40, harness.step());
  }

  @Test
  void withoutSharingEveryLaneReadsItsOwn() {
    StepHarness harness = new StepHarness(
        new EngineConfig(512, 64, 200, 4, 32, 16, 16, 64, 0, 200, false, Dtype.F32, 1));
    harness.submit(base(prompt(10, 40), 4, 1));

    assertEquals(4 * 40, harness.step());
    assertEquals(0, harness.pages.hitTokens());
    assertEquals(0, harness.pages.pool(0).idlePages().length);
  }

  @Test
  void aStepThatFailsTakesThoseWithItThatShareWhatItWasToCompute() {
    StepHarness harness = new StepHarness(3, 40, 64, 16);
    Submission first = harness.submit(base(prompt(10, 36), 1, 9));
    Submission shares = harness.submit(base(joined(prompt(10, 33), prompt(300, 20)), 1, 9));
    Submission other = harness.submit(base(prompt(400, 5), 1, 9));
    harness.scheduler.plan();
    assertEquals(2, harness.scheduler.numScheduled());
    assertEquals(2, harness.scheduler.numRunning());

    harness.scheduler.fail(new IllegalArgumentException("the step is wrong"));
    harness.checkPages();

    assertEquals(FinishReason.ERROR, first.completions().get(0).finishReason());
    assertEquals(FinishReason.ERROR, shares.completions().get(0).finishReason());
    assertNull(other.completions().get(0).finishReason());
    assertEquals(0, harness.pages.pool(0).idlePages().length, "nobody may find what was not computed");
    harness.runToTheEnd();
    assertNotNull(other.completions().get(0).finishReason());
  }

  @Test
  void aLaneThatStartsToRunSharesWhatOthersHaveRead() {
    StepHarness harness = new StepHarness(2, 128, 64, 16);
    List<int[]> prompts = List.of(prompt(10, 40), prompt(10, 40), prompt(10, 40));
    Submission first = harness.submit(request(prompts, 1, 9, 1, 0));
    harness.step();
    Submission second = harness.submit(request(prompts, 1, 9, 0, 0));
    harness.step();
    assertEquals(1, second.completions().get(0).size());

    second.guidance(Guidance.of(2, 0));

    assertEquals(2 + 1 + 9, harness.step(), "the prompt's last 8 tokens and the one that was drawn");
    assertEquals(2, second.completions().get(0).size());
    assertEquals(3, first.completions().get(0).size());
  }
}
