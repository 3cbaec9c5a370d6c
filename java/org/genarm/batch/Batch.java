package org.genarm.batch;

import org.genarm.openai.OfflineRequests;

/** Answers a file's requests into another file. */
public final class Batch {
  /** Told after each answer that was written. */
  @FunctionalInterface
  public interface Listener {
    void answered(AnswerLine answer, Summary soFar);
  }

  /**
   * What a run came to.
   *
   * @param resumed lines that an earlier run had answered
   * @param lines that this one answered
   * @param refused how many of these have an error
   */
  public record Summary(
      long resumed, long lines, long refused, long promptTokens, long completionTokens, double seconds) {
    Summary plus(AnswerLine answer, double now) {
      return new Summary(resumed, lines + 1, refused + (answer.refused() ? 1 : 0),
          promptTokens + answer.promptTokens(), completionTokens + answer.completionTokens(), now);
    }
  }

  private Batch() {}

  /**
   * Runs to the end of the input.
   *
   * @throws RuntimeException where the engine or a file fails: what was answered stays, and a run may go on from there
   */
  public static Summary run(
      OfflineRequests requests, BatchFiles files, BatchLimits limits, long seed, Listener listener)
      throws InterruptedException {
    long start = System.nanoTime();
    Summary summary = new Summary(files.resumedLines(), 0, 0, 0, 0, 0);
    try (BatchAnswers answers = new BatchAnswers(requests, files.input(), limits, seed, files.seen())) {
      for (AnswerLine answer = answers.next(); answer != null; answer = answers.next()) {
        files.write(answer.json());
        summary = summary.plus(answer, (System.nanoTime() - start) * 1e-9);
        listener.answered(answer, summary);
      }
    }
    return summary;
  }
}
