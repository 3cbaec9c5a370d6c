package org.genarm.engine;

import static org.genarm.engine.StepHarness.request;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.atomic.AtomicInteger;
import org.genarm.guidance.Guidance;
import org.genarm.guidance.Preferences;
import org.junit.jupiter.api.Test;

class SubmissionTest {
  @Test
  void aReaderWaitsForEachTokenAndTheEnd() throws Exception {
    StepHarness harness = new StepHarness(1, 8, 8, 4);
    Submission submission = harness.submit(request(1, 3, 1, 0));
    CompletableFuture<Integer> read = CompletableFuture.supplyAsync(() -> {
      long seen = 0;
      try {
        while (!submission.isFinished()) {
          seen = submission.await(seen);
        }
      } catch (InterruptedException e) {
        throw new IllegalStateException(e);
      }
      return submission.completions().get(0).size();
    });

    harness.runToTheEnd();

    assertEquals(3, read.get());
  }

  @Test
  void whoWaitsForTheEndHasEveryTokenBesideAReader() throws Exception {
    StepHarness harness = new StepHarness(1, 8, 8, 4);
    Submission submission = harness.submit(request(1, 3, 1, 0));
    CompletableFuture<Integer> ended = CompletableFuture.supplyAsync(() -> {
      try {
        submission.awaitEnd();
      } catch (InterruptedException e) {
        throw new IllegalStateException(e);
      }
      return submission.completions().get(0).size();
    });
    CompletableFuture<Long> first = CompletableFuture.supplyAsync(() -> {
      try {
        return submission.await(0);
      } catch (InterruptedException e) {
        throw new IllegalStateException(e);
      }
    });

    harness.runToTheEnd();

    assertEquals(3, ended.get());
    assertTrue(first.get() > 0);
  }

  @Test
  void aListenerIsCalledAtOnceForEachTokenAndForTheEnd() {
    StepHarness harness = new StepHarness(1, 8, 8, 4);
    Submission submission = harness.submit(request(1, 3, 1, 0));
    AtomicInteger calls = new AtomicInteger();

    submission.onProgress(calls::incrementAndGet);
    harness.runToTheEnd();

    assertEquals(4, calls.get(), "at the start, after two tokens, and after the last with the end");
  }

  @Test
  void aListenerThatThrowsDoesNotStopTheEngine() {
    StepHarness harness = new StepHarness(1, 8, 8, 4);
    Submission submission = harness.submit(request(1, 3, 1, 0));
    AtomicInteger calls = new AtomicInteger();
    submission.onProgress(() -> {
      if (calls.incrementAndGet() == 2) {
        throw new IllegalStateException("a listener's own mistake");
      }
    });

    harness.runToTheEnd();

    assertEquals(FinishReason.LENGTH, submission.completions().get(0).finishReason());
    assertEquals(2, calls.get(), "it is not called again");
  }

  @Test
  void aFullQueueRefusesTheWholeRequest() {
    Inbox inbox = new Inbox(3);
    Completion completion = new Completion(0, 4, Lifetime.UNBOUNDED, 0);
    Submission submission = new Submission(List.of(completion), Guidance.of(1, 1), inbox, null);
    EngineConfig config = EngineConfig.of(512, 64, 1, 3);
    Sequence sequence = new Sequence(
        submission, completion, request(1, 4, 1, 1), Preferences.DEFAULT, config, Speculation.OFF);
    inbox.offer(List.of(sequence, sequence));

    var thrown = assertThrows(RejectedExecutionException.class, () -> inbox.offer(List.of(sequence, sequence)));

    assertEquals("the queue is full: 2 wait, at most 3 may", thrown.getMessage());
    assertNotNull(inbox.poll());
    assertNotNull(inbox.poll());
    assertEquals(null, inbox.poll());
  }

  @Test
  void aClosedInboxSaysWhyItRefuses() {
    Inbox inbox = new Inbox(3);
    inbox.close(new IllegalStateException("the device is gone"));

    var thrown = assertThrows(IllegalStateException.class, () -> inbox.offer(List.of()));

    assertEquals("the engine has stopped: the device is gone", thrown.getMessage());
  }

  @Test
  void guidanceNeedsAWeightForEachRewardModel() {
    StepHarness harness = new StepHarness(1, 8, 8, 4);
    Submission submission = harness.submit(request(1, 3, 1, 0));

    var thrown = assertThrows(IllegalArgumentException.class, () -> submission.guidance(Guidance.of(1)));

    assertEquals("guidance must have a weight for each of 2 reward models, got 1", thrown.getMessage());
  }

  @Test
  void timingsAreWholeOnceItHasEnded() {
    StepHarness harness = new StepHarness(1, 8, 8, 4);
    Submission submission = harness.submit(request(1, 3, 1, 0));
    harness.runToTheEnd();

    Timings timings = submission.completions().get(0).timings();

    assertEquals(true, timings.queueMs() > 0 && timings.firstTokenMs() > timings.queueMs() && timings.decodeMs() > 0);
  }
}
