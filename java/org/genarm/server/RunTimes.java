package org.genarm.server;

import org.genarm.Piece;
import org.genarm.engine.FinishReason;
import org.genarm.engine.Timings;

/** Measures one run for the metrics. The run's writer calls, and {@link #progressed} the engine. */
final class RunTimes {
  private final Metrics metrics;
  private final long startNanos = System.nanoTime();
  private final long[] lastNanos;
  private final long[] firstReadNanos;
  private final int[] firstReadTokens;
  private final boolean[] ended;
  private volatile long progressNanos = startNanos;
  private int tokens;

  RunTimes(Metrics metrics, int choices) {
    this.metrics = metrics;
    lastNanos = new long[choices];
    firstReadNanos = new long[choices];
    firstReadTokens = new int[choices];
    ended = new boolean[choices];
  }

  void progressed() {
    progressNanos = System.nanoTime();
  }

  /** Tokens that were read together share the time since the last ones; those of the first read wait for its end. */
  void read(int index, Piece piece) {
    int count = piece.tokenIds().size();
    if (count == 0) {
      return;
    }
    long now = progressNanos;
    if (lastNanos[index] == 0) {
      firstReadNanos[index] = now;
      firstReadTokens[index] = count;
    } else {
      gaps(count, now - lastNanos[index]);
    }
    lastNanos[index] = now;
    tokens += count;
    metrics.generationTokens(count);
  }

  void ended(int index, FinishReason reason, Timings timings) {
    ended[index] = true;
    metrics.request(reason.label(), (System.nanoTime() - startNanos) / 1e9);
    metrics.queued(timings.queueMs() / 1e3);
    if (timings.firstTokenMs() > 0) {
      metrics.timeToFirstToken(timings.firstTokenMs() / 1e3);
      long firstToken = startNanos + (long) (timings.firstTokenMs() * 1e6);
      gaps(firstReadTokens[index] - 1, Math.max(0, firstReadNanos[index] - firstToken));
    }
  }

  private void gaps(int count, long nanos) {
    for (int i = 0; i < count; i++) {
      metrics.interTokenSeconds(nanos / 1e9 / count);
    }
  }

  /** Choices that had not ended yet did so for this reason. */
  void failed(FinishReason reason) {
    for (boolean done : ended) {
      if (!done) {
        metrics.request(reason.label(), (System.nanoTime() - startNanos) / 1e9);
      }
    }
  }

  int tokens() {
    return tokens;
  }
}
