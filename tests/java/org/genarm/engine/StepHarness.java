package org.genarm.engine;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.IntBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.genarm.binding.Dtype;
import org.genarm.guidance.Guidance;
import org.genarm.guidance.SamplingParams;

/** Runs the scheduler without a native engine and checks the laws of every plan. */
final class StepHarness {
  static final int EOS = 2;
  /** Three views; the base and the second reward model share a weight set. */
  static final int[] SET_OF = {0, 1, 0};

  final EngineConfig config;
  final Inbox inbox;
  final KvPages pages;
  final Scheduler scheduler;
  final IntBuffer sampled;
  private final ShadowKv memory;
  int nextToken = 100;

  StepHarness(int maxSequences, int maxRows, int chunk, int kvPages) {
    this(new EngineConfig(512, 64, maxRows, maxSequences, 32, 16, kvPages, chunk, 0, 200, true, Dtype.F32, 1));
  }

  StepHarness(EngineConfig config) {
    this.config = config;
    config.requireRoomFor(SET_OF.length);
    inbox = new Inbox(config.maxQueue());
    pages = new KvPages(config, SET_OF);
    memory = new ShadowKv(pages, config.pageSize());
    scheduler = new Scheduler(config, inbox, pages, Speculator.off(config, pages));
    sampled = IntBuffer.allocate(config.maxSequences());
  }

  static TokenRequest request(int promptLength, int maxNewTokens, float... weights) {
    return request(new int[] {promptLength, promptLength, promptLength}, maxNewTokens, weights);
  }

  static TokenRequest request(int[] promptLengths, int maxNewTokens, float... weights) {
    List<int[]> prompts = new ArrayList<>();
    for (int length : promptLengths) {
      int[] prompt = new int[length];
      Arrays.fill(prompt, 7);
      prompts.add(prompt);
    }
    return request(prompts, 1, maxNewTokens, weights);
  }

  static TokenRequest request(List<int[]> prompts, int n, int maxNewTokens, float... weights) {
    return new TokenRequest(
        prompts, Guidance.of(weights), SamplingParams.of(1), n, maxNewTokens, 0, List.of(EOS));
  }

  Submission submit(TokenRequest request) {
    return submit(request, Lifetime.UNBOUNDED);
  }

  Submission submit(TokenRequest request, Lifetime lifetime) {
    List<Completion> completions = new ArrayList<>();
    for (int choice = 0; choice < request.n(); choice++) {
      completions.add(new Completion(choice, request.maxNewTokens(), lifetime, System.nanoTime()));
    }
    Submission submission = new Submission(completions, request.guidance(), inbox, null);
    inbox.offer(completions.stream()
        .map(completion -> new Sequence(submission, completion, request, request.preferences(), config, Speculation.OFF))
        .toList());
    return submission;
  }

  /** Plans a step, checks it, and draws token ids 100, 101, ...; returns its rows. */
  int step() {
    int rows = scheduler.plan();
    checkPlan(rows);
    memory.run(scheduler);
    for (int i = 0; i < drawing(); i++) {
      sampled.put(i, nextToken++);
    }
    scheduler.submitted();
    scheduler.accept(sampled);
    checkPages();
    return rows;
  }

  int drawing() {
    int drawing = 0;
    for (int i = 0; i < scheduler.numScheduled(); i++) {
      drawing += scheduler.scheduled(i).draws ? 1 : 0;
    }
    return drawing;
  }

  private void checkPlan(int rows) {
    int counted = 0;
    for (int i = 0; i < scheduler.numScheduled(); i++) {
      Sequence sequence = scheduler.scheduled(i);
      for (int view = 0; view < SET_OF.length; view++) {
        Lane lane = sequence.lanes[view];
        counted += lane.rows;
        assertTrue(lane.rows <= config.prefillChunk(), "a lane stays within its chunk");
        assertTrue(lane.computed + lane.rows <= lane.numPages * config.pageSize(), "a row has a page");
        if (sequence.draws && sequence.runs(view)) {
          assertTrue(lane.rows > 0 && lane.rows == sequence.pending(view), "a draw has every lane's last row");
        }
        assertTrue(sequence.runs(view) || lane.rows == 0, "a view of weight 0 does not run");
      }
    }
    assertEquals(counted, rows);
    assertTrue(rows <= config.maxRows(), rows + " rows, the budget is " + config.maxRows());
  }

  void checkPages() {
    PageIntegrity.check(scheduler, pages);
  }

  void runToTheEnd() {
    for (int steps = 0; step() > 0; steps++) {
      assertTrue(steps < 10_000, "the scheduler does not come to an end");
    }
  }
}
