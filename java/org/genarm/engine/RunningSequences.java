package org.genarm.engine;

/** The sequences that have a slot, the oldest first, and how they lose it. */
final class RunningSequences {
  private final Inbox inbox;
  private final KvPages pages;
  private final Sequence[] running;
  private int size;

  RunningSequences(int maxSequences, Inbox inbox, KvPages pages) {
    this.inbox = inbox;
    this.pages = pages;
    running = new Sequence[maxSequences];
  }

  int size() {
    return size;
  }

  Sequence get(int i) {
    return running[i];
  }

  Sequence youngest() {
    return running[size - 1];
  }

  boolean isFull() {
    return size == running.length;
  }

  /** Whether the pools have room for another sequence beside these. */
  boolean leaveRoom(Sequence next) {
    return size == 0 || pages.hasRoom(next, running, size);
  }

  void add(Sequence sequence) {
    running[size++] = sequence;
  }

  /** By recomputation: its tokens are kept, so it goes on where it was once its lanes have been computed again. */
  void preempt(Sequence sequence) {
    remove(sequence);
    pages.give(sequence);
    sequence.dropDraft();
    inbox.putBack(sequence);
  }

  void end(Sequence sequence, FinishReason reason, Throwable cause) {
    remove(sequence);
    pages.give(sequence); // steps in flight may still write there, and have before whoever takes them
    sequence.ended = true;
    finish(sequence, reason, cause);
  }

  private void remove(Sequence sequence) {
    for (int i = 0; i < size; i++) {
      if (running[i] == sequence) {
        System.arraycopy(running, i + 1, running, i, --size - i);
        running[size] = null;
        return;
      }
    }
  }

  private static void finish(Sequence sequence, FinishReason reason, Throwable cause) {
    sequence.submission.finish(sequence.completion, reason, cause, System.nanoTime());
    sequence.submission.progressed();
  }

  /** The planned step did not run: those that `failed`, and those that share a page it was to fill, end with the cause. */
  void endFailed(Throwable cause) {
    for (int i = 0; i < size; i++) {
      running[i].failed |= pages.waitsForThisStep(running[i]);
    }
    for (int i = 0; i < size; i++) {
      if (running[i].failed) {
        pages.withdraw(running[i]);
      }
    }
    for (int i = size - 1; i >= 0; i--) {
      if (running[i].failed) {
        end(running[i], FinishReason.ERROR, cause);
      }
    }
  }

  /** Ends everything that runs or waits. */
  void endAll(FinishReason reason, Throwable cause) {
    while (size > 0) {
      end(youngest(), reason, cause);
    }
    for (Sequence next = inbox.poll(); next != null; next = inbox.poll()) {
      finish(next, reason, cause);
    }
  }

  /** Ends what was cancelled or is late, running or waiting. */
  void endFromOutside(long now) {
    for (int i = size - 1; i >= 0; i--) {
      FinishReason reason = running[i].completion.endedFromOutside(now);
      if (reason != null) {
        end(running[i], reason, null);
      }
    }
    for (Sequence next = inbox.pollEnded(now); next != null; next = inbox.pollEnded(now)) {
      finish(next, next.completion.endedFromOutside(now), null);
    }
  }
}
