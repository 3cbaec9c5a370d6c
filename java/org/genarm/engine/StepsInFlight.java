package org.genarm.engine;

import java.nio.IntBuffer;

/** The steps that were submitted and whose tokens are not there yet, and who takes the tokens of each. */
final class StepsInFlight {
  private final RunningSequences running;
  private final Speculator speculator;
  private final Sequence[][] drawing;
  private final int[] numDrawing;
  private final int[] rows;
  private long numSubmitted;
  private long numCollected;
  private int numDraws; // of the step submitted last
  private boolean drafting;

  StepsInFlight(EngineConfig config, RunningSequences running, Speculator speculator) {
    this.running = running;
    this.speculator = speculator;
    drawing = new Sequence[config.stepsInFlight()][config.maxSequences()];
    numDrawing = new int[config.stepsInFlight()];
    rows = new int[config.stepsInFlight()];
  }

  int size() {
    return (int) (numSubmitted - numCollected);
  }

  boolean isEmpty() {
    return size() == 0;
  }

  /** The number of the step submitted last. */
  long last() {
    return numSubmitted;
  }

  /** Rows of the oldest. */
  int rows() {
    return rows[slot(numCollected)];
  }

  /** Sequences that draw in the oldest. */
  int numDrawing() {
    return numDrawing[slot(numCollected)];
  }

  private int slot(long step) {
    return (int) (step % drawing.length);
  }

  /** Another step was submitted; then its sequences that draw are added. drafts: whether models draft in it. */
  void begin(int numRows, boolean drafts) {
    int slot = slot(numSubmitted++);
    numDrawing[slot] = 0;
    rows[slot] = numRows;
    numDraws = 0;
    drafting = drafts;
  }

  void add(Sequence sequence) {
    int slot = slot(numSubmitted - 1);
    drawing[slot][numDrawing[slot]++] = sequence;
    sequence.submitted(numSubmitted, numDraws);
    numDraws += drafting ? 1 : sequence.numDraws();
  }

  /** Nobody takes their tokens. */
  void clear() {
    numCollected = numSubmitted;
  }

  /** Takes the tokens that the oldest drew. A sequence that ended meanwhile has no use for its own. */
  void accept(IntBuffer sampled) {
    long now = System.nanoTime();
    int slot = slot(numCollected++);
    int drawn = 0;
    for (int i = 0; i < numDrawing[slot]; i++) {
      Sequence sequence = drawing[slot][i];
      sequence.collected();
      if (drafting) { // no step is in flight beside one in which models draft
        sequence.draft.add(sampled.get(drawn++));
        continue;
      }
      int draws = sequence.numDraws();
      if (!sequence.ended) {
        drawAll(sequence, sampled, drawn, now);
      }
      drawn += draws;
    }
  }

  /** Takes tokens as long as the draft had them, then the one that it had not: the law's own in its place. */
  private void drawAll(Sequence sequence, IntBuffer sampled, int first, long now) {
    int matched = sequence.draft == null ? 0 : sequence.draft.matched(sampled, first);
    int taken = 0;
    boolean goesOn;
    do {
      TokenLaw law = sequence.keepsLaw() ? sequence.laws[taken] : null;
      goesOn = draw(sequence, sampled.get(first + taken), law, now);
      taken++;
    } while (goesOn && taken <= matched && !sequence.isSteered(now));
    speculator.verified(sequence, matched, Math.min(matched, taken));
    if (goesOn) {
      sequence.rollBack(sequence.lanes.length);
    }
  }

  /** Returns whether the sequence goes on. */
  private boolean draw(Sequence sequence, int token, TokenLaw law, long now) {
    if (token < 0) {
      running.end(sequence, FinishReason.ERROR, new GenerationException(
          "the guided law overflows at position " + sequence.nextPosition() + " (" + sequence.describeWeights()
              + "): its logits are not finite"));
      return false;
    }
    sequence.biases.generated(token);
    sequence.submission.add(sequence.completion, token, law, now);
    FinishReason reason = sequence.finishAfter(token);
    if (reason != null) {
      running.end(sequence, reason, null);
    } else {
      sequence.submission.progressed();
    }
    return reason == null;
  }
}
