package org.genarm.engine;

import java.nio.IntBuffer;

/**
 * Decides who runs in each step: {@link #plan}, then {@link #submitted} or {@link #fail}, and when its tokens are there
 * {@link #accept}. The next step may be planned before that.
 *
 * <p>Batching is continuous: sequences join and leave between any two steps. They are admitted first come first served,
 * so those that run are older than those that wait. A sequence that needs one row a lane has it; prompts share the
 * rest of the row budget in chunks, the oldest first. Where a pool has no page left, the youngest sequence that runs
 * gives its pages back and waits before all others, to be computed again; its tokens stay. That is decided when no step
 * is in flight.
 *
 * <p>Nobody starves: the oldest sequence is preempted by nobody and fits alone, and the engine's limits leave it a row
 * for each view when every other sequence decodes. So each step brings it a token, or rows of its prompt.
 */
final class Scheduler {
  private final EngineConfig config;
  private final Inbox inbox;
  private final KvPages pages;
  private final Speculator speculator;
  private final int numViews;
  private final RunningSequences running;
  private final StepsInFlight inFlight;
  private final Sequence[] scheduled;
  private int numScheduled;
  private int numRows;
  private int rowsToDecode; // of sequences that the plan has not reached
  private boolean pagesRanOut;
  private long numPreemptions;
  private int numDraws;
  private boolean drafting;
  private boolean readsPrompts;
  private boolean waits; // the next plan, for all tokens

  Scheduler(EngineConfig config, Inbox inbox, KvPages pages, Speculator speculator) {
    this.speculator = speculator;
    this.config = config;
    this.inbox = inbox;
    this.pages = pages;
    numViews = pages.numViews();
    running = new RunningSequences(config.maxSequences(), inbox, pages);
    scheduled = new Sequence[config.maxSequences()];
    inFlight = new StepsInFlight(config, running, speculator);
  }

  boolean isIdle() {
    return running.size() == 0 && inFlight.isEmpty();
  }

  StepsInFlight inFlight() {
    return inFlight;
  }

  int numRunning() {
    return running.size();
  }

  Sequence running(int i) {
    return running.get(i);
  }

  int numScheduled() {
    return numScheduled;
  }

  /** Sequences with rows in this step. */
  Sequence scheduled(int i) {
    return scheduled[i];
  }

  long numPreemptions() {
    return numPreemptions;
  }

  /** Whether the step being planned is one in which models draft, and nothing is drawn from a guided law. */
  boolean isDrafting() {
    return drafting;
  }

  /** Positions at which the step draws from guided laws. */
  int numDraws() {
    return numDraws;
  }

  boolean readsPrompts() {
    return readsPrompts;
  }

  /** Chooses the rows of the next step and returns how many there are. */
  int plan() {
    endFromOutside();
    pages.beginStep();
    numScheduled = 0;
    numRows = 0;
    numDraws = 0;
    readsPrompts = false;
    pagesRanOut = false;
    waits = false;
    for (int i = 0; i < running.size(); i++) {
      running.get(i).weights = running.get(i).submission.weights();
    }
    planDrafts();
    if (!drafting) {
      planDraws();
    }
    return numRows;
  }

  /** Before each step, and before tokens are taken that came without one being planned. */
  void endFromOutside() {
    running.endFromOutside(System.nanoTime());
  }

  private void planDrafts() {
    speculator.begin(running);
    for (int i = 0; i < running.size(); i++) {
      Sequence sequence = running.get(i);
      int rows = speculator.schedule(sequence, config.maxRows() - numRows);
      if (rows > 0) {
        numRows += rows;
        readsPrompts |= !sequence.draws;
        scheduled[numScheduled++] = sequence;
      }
    }
    drafting = numScheduled > 0;
  }

  private void planDraws() {
    speculator.endDrafting(running);
    rowsToDecode = 0;
    for (int i = 0; i < running.size(); i++) {
      Sequence sequence = running.get(i);
      boolean decodes = sequence.canGoOn(inFlight.last()) && sequence.isDecoding();
      sequence.rowsToDecode = decodes ? sequence.numTerms() * sequence.numDraws() : 0;
      rowsToDecode += sequence.rowsToDecode;
    }
    for (int i = 0; i < running.size(); i++) { // which shrinks from its end where pages run out
      schedule(running.get(i));
    }
    admit();
  }

  private void admit() {
    while (!running.isFull() && numRows < config.maxRows() && !pagesRanOut) {
      Sequence next = inbox.peek();
      if (next == null) {
        return;
      }
      next.weights = next.submission.weights();
      if (!running.leaveRoom(next) || !speculator.leavesRoom(running, next)) {
        return;
      }
      inbox.poll();
      next.completion.start(System.nanoTime());
      next.rowsToDecode = 0;
      running.add(next);
      schedule(next);
    }
  }

  private void schedule(Sequence sequence) {
    if (!sequence.canGoOn(inFlight.last())) {
      return;
    }
    boolean decodes = sequence.rowsToDecode > 0;
    rowsToDecode -= sequence.rowsToDecode;
    int budget = config.maxRows() - numRows - rowsToDecode;
    int rows = chooseRows(sequence, budget, decodes);
    if (sequence.numDraws() > 1 && !pages.hasRows(sequence)) {
      sequence.draft.clear(); // nobody gives way for a guess
      rows = chooseRows(sequence, budget, decodes);
    }
    if (rows == 0 || !takePages(sequence)) {
      return;
    }
    for (int view = 0; view < numViews; view++) {
      pages.publish(sequence, view);
    }
    if (!decodes) {
      pages.countComputed(rows);
    }
    numDraws += sequence.draws ? sequence.numDraws() : 0;
    readsPrompts |= !decodes;
    waits |= sequence.draws && sequence.needsTokens();
    numRows += rows;
    scheduled[numScheduled++] = sequence;
  }

  private int chooseRows(Sequence sequence, int budget, boolean decodes) {
    for (int view = 0; !decodes && budget > 0 && view < numViews; view++) {
      if (sequence.runs(view)) {
        pages.share(sequence, view);
      }
    }
    sequence.draws = decodes || canDraw(sequence, budget);
    int left = budget;
    for (int view = 0; view < numViews; view++) {
      Lane lane = sequence.lanes[view];
      lane.rows = 0;
      if (sequence.runs(view)) {
        // The step that draws needs a row of every lane, so a lane that is ahead keeps its last.
        int pending = sequence.pending(view);
        lane.rows = sequence.draws ? pending + sequence.numDraws() - 1
            : Math.min(Math.min(pending - 1, config.prefillChunk()), left);
        left -= lane.rows;
      }
    }
    return budget - left;
  }

  /** Whether everything that the sequence lacks goes into this step. */
  private boolean canDraw(Sequence sequence, int budget) {
    int rows = 0;
    for (int view = 0; view < numViews; view++) {
      if (sequence.runs(view)) {
        int pending = sequence.pending(view);
        if (pending > config.prefillChunk()) {
          return false;
        }
        rows += pending;
      }
    }
    return rows <= budget;
  }

  /** Pages for the sequence's rows of this step; false where it had to give way itself, or nobody can yet. */
  private boolean takePages(Sequence sequence) {
    for (int view = 0; view < numViews; view++) {
      while (!pages.take(sequence.lanes[view], view)) {
        pagesRanOut = true;
        if (!inFlight.isEmpty()) {
          waits = true;
          return false;
        }
        Sequence youngest = running.youngest();
        running.preempt(youngest);
        numPreemptions++;
        if (youngest == sequence) {
          return false;
        }
        rowsToDecode -= youngest.rowsToDecode;
      }
    }
    return true;
  }

  /** Whether a step may be planned now. most: steps that may be in flight. */
  boolean mayPlan(int most) {
    return inFlight.isEmpty() || !waits && inFlight.size() < most;
  }

  /** The planned step was submitted: the next is planned as if it had run. */
  void submitted() {
    inFlight.begin(numRows, drafting);
    for (int i = 0; i < numScheduled; i++) {
      scheduled[i].advance();
      if (scheduled[i].draws) {
        inFlight.add(scheduled[i]);
      }
    }
  }

  /** Takes the tokens that the oldest step in flight drew, one for each of its sequences that draws. */
  void accept(IntBuffer sampled) {
    inFlight.accept(sampled);
  }

  /** The planned step did not run: its sequences, and those that share a page it was to fill, end with the cause. */
  void fail(Throwable cause) {
    for (int i = 0; i < numScheduled; i++) {
      scheduled[i].failed = true;
    }
    running.endFailed(cause);
    numScheduled = 0;
  }

  /** Ends everything that runs or waits. */
  void endAll(FinishReason reason, Throwable cause) {
    running.endAll(reason, cause);
    inFlight.clear();
  }
}
