package org.genarm.server;

import org.genarm.Piece;
import org.genarm.engine.FinishReason;
import org.genarm.engine.Timings;

/** Measures one run for the metrics. The run's writer calls, and {@link #progressed} the engine. */
final class RunTimes {
  private final Metrics metrics;
  private final long startNanos = System.nanoTime();
  private final long[] lastNanos;
  private final boolean[] ended;
  private volatile long progressNanos = startNanos;
  private int tokens;

  RunTimes(Metrics metrics, int choices) {
    this.metrics = metrics;
    lastNanos = new long[choices];
    ended = new boolean[choices];
  }

  void progressed() {
    progressNanos = System.nanoTime();
  }

  /** Tokens that were read together share the time since the last ones. */
  void read(int index, Piece piece) {
    int count = piece.tokenIds().size();
    if (count == 0) {
      return;
    }
    long now = progressNanos;
    int gaps = lastNanos[index] == 0 ? 0 : count;
    for (int i = 0; i < gaps; i++) {
      metrics.interTokenSeconds((now - lastNanos[index]) / 1e9 / count);
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
