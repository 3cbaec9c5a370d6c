package org.genarm;

import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.Function;
import org.genarm.engine.Submission;
import org.genarm.engine.Timings;
import org.genarm.guidance.Guidance;

/**
 * A request that is running. One thread reads it, piece by piece or as a whole; any thread may cancel it or change its
 * guidance. Stop strings are found as it is read: one that nobody reads runs to its end.
 */
public final class Generation {
  private final Submission submission;
  private final List<ChoiceReader> readers;
  private final Function<Map<String, Double>, Guidance> change;
  private final long seed;
  private final int[] promptIds;
  private long seen;

  /** change: the guidance after some of this generation's weights have been set. */
  Generation(Submission submission, List<ChoiceReader> readers, Function<Map<String, Double>, Guidance> change,
      long seed, int[] promptIds) {
    this.submission = submission;
    this.readers = List.copyOf(readers);
    this.change = change;
    this.seed = seed;
    this.promptIds = promptIds;
  }

  /** The next piece of any of its completions, waiting for one; null once all have ended. */
  public Piece next() throws InterruptedException {
    while (true) {
      boolean ended = true;
      for (ChoiceReader reader : readers) {
        Piece piece = reader.poll();
        if (piece != null) {
          return piece;
        }
        ended &= reader.hasEnded();
      }
      if (ended) {
        return null;
      }
      seen = submission.await(seen);
    }
  }

  /** The next piece where one is there, else null: for a reader that {@link #onProgress} wakes. */
  public Piece poll() {
    for (ChoiceReader reader : readers) {
      Piece piece = reader.poll();
      if (piece != null) {
        return piece;
      }
    }
    return null;
  }

  /** Whether every completion has been read to its end. */
  public boolean hasEnded() {
    return readers.stream().allMatch(ChoiceReader::hasEnded);
  }

  /** Whether every completion has been read to its end and the engine is done with it: {@link #result} does not wait. */
  boolean isFinished() {
    return hasEnded() && submission.isFinished();
  }

  /** Whether nothing will come beyond what is there to {@link #poll}. */
  public boolean isComplete() {
    return hasEnded() || submission.isFinished();
  }

  /** Calls back on the engine's thread whenever there may be more to {@link #poll}: hand the work on and return. */
  public void onProgress(Runnable callback) {
    submission.onProgress(callback);
  }

  /**
   * Waits for the end.
   *
   * @throws org.genarm.engine.GenerationException where a completion ended with an error
   */
  public Result result() throws InterruptedException {
    if (readers.stream().noneMatch(ChoiceReader::mayStop)) {
      submission.awaitEnd();
    }
    Piece piece;
    do {
      piece = next();
    } while (piece != null);
    submission.awaitEnd();
    return new Result(readers.stream().map(ChoiceReader::choice).toList(), seed, promptIds.length);
  }

  /** Where the time of one of its completions went; zeros for what has not been reached. */
  public Timings timings(int choice) {
    return readers.get(choice).timings();
  }

  /** Why a completion ended with an error, or null where none has. */
  public RuntimeException failure() {
    return readers.stream().map(ChoiceReader::failure).filter(Objects::nonNull).findFirst().orElse(null);
  }

  /** Ends it at the next step, with what it has. */
  public void cancel() {
    submission.cancel();
  }

  /**
   * Changes weights by the reward models' names from the next token on; the others stay. A reward model whose weight
   * was 0 reads the text so far first.
   */
  public synchronized void guidance(Map<String, Double> weights) {
    submission.guidance(change.apply(weights));
  }

  /** The prompt as the base reads it. */
  public int[] promptIds() {
    return promptIds.clone();
  }

  /** The seed that gives the same tokens again. */
  public long seed() {
    return seed;
  }
}
