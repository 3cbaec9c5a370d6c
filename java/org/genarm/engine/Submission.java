package org.genarm.engine;

import java.util.List;
import org.genarm.guidance.Guidance;

/**
 * A request that the engine has taken: where its completions appear, and how it is steered or cancelled while it
 * runs. Any thread may use it.
 */
public final class Submission {
  private static final System.Logger LOG = System.getLogger(Submission.class.getName());

  private final List<Completion> completions;
  private final int numArms;
  private final Inbox inbox;
  private final Runnable driver;
  private long events;
  private int numReaders; // that wait for less than the end
  private volatile float[] weights;
  private volatile Runnable onProgress;

  /** driver: runs a step of an engine without a thread of its own; null where there is one. */
  Submission(List<Completion> completions, Guidance guidance, Inbox inbox, Runnable driver) {
    this.completions = List.copyOf(completions);
    this.driver = driver;
    this.numArms = guidance.weights().size();
    this.inbox = inbox;
    this.weights = toTermWeights(guidance);
  }

  /** One for each choice. */
  public List<Completion> completions() {
    return completions;
  }

  /**
   * Waits until more has happened (a token, an end) than the caller has seen, and returns how much has. Start with
   * 0 and hand back what was returned. Returns at once when every completion has ended. Where the engine has no thread
   * of its own, the caller runs its steps.
   */
  public long await(long seen) throws InterruptedException {
    while (true) {
      synchronized (this) {
        while (events <= seen && !isFinished() && driver == null) {
          numReaders++;
          try {
            wait();
          } finally {
            numReaders--;
          }
        }
        if (events > seen || isFinished()) {
          return events;
        }
      }
      if (Thread.interrupted()) {
        throw new InterruptedException();
      }
      driver.run();
    }
  }

  /**
   * Waits until every completion has ended. The caller is not woken for the tokens before: beside a model whose step takes
   * a fraction of a millisecond, a thread that wakes for each takes a core from the threads that compute it.
   */
  public void awaitEnd() throws InterruptedException {
    if (driver == null) {
      synchronized (this) {
        while (!isFinished()) {
          wait();
        }
      }
    } else {
      for (long seen = 0; !isFinished(); ) {
        seen = await(seen);
      }
    }
  }

  public boolean isFinished() {
    for (int i = 0; i < completions.size(); i++) {
      if (completions.get(i).finishReason() == null) {
        return false;
      }
    }
    return true;
  }

  /**
   * Calls back whenever more has happened, and once at the start. The engine thread calls, and every request waits
   * for it: hand the work on and return.
   */
  public void onProgress(Runnable callback) {
    onProgress = callback;
    callback.run();
  }

  /** Ends every completion that is still running, at the next step. */
  public void cancel() {
    completions.forEach(Completion::cancel);
    inbox.noteCancelled();
  }

  /** Ends one completion, at the next step. */
  public void cancel(Completion completion) {
    completion.cancel();
    inbox.noteCancelled();
  }

  /**
   * Changes the trade-off from the next token on that no step in flight draws. A reward model whose weight was 0 reads its
   * lane first.
   *
   * @throws IllegalArgumentException unless there is a weight for each reward model
   */
  public void guidance(Guidance guidance) {
    if (guidance.weights().size() != numArms) {
      throw new IllegalArgumentException(
          "guidance must have a weight for each of " + numArms + " reward models, got " + guidance.weights().size());
    }
    weights = toTermWeights(guidance);
  }

  /** The weight of each view's logits, the base's first: a new array after each change. */
  float[] weights() {
    return weights;
  }

  /** law: null unless it was asked for. */
  void add(Completion completion, int token, TokenLaw law, long nanos) {
    synchronized (this) {
      completion.add(token, law, nanos);
      events++;
      if (numReaders > 0) {
        notifyAll();
      }
    }
  }

  void finish(Completion completion, FinishReason reason, Throwable cause, long nanos) {
    synchronized (this) {
      completion.finish(reason, cause, nanos);
      events++;
      notifyAll();
    }
  }

  /** After a step, outside every lock. */
  void progressed() {
    Runnable callback = onProgress;
    if (callback != null) {
      try {
        callback.run();
      } catch (RuntimeException e) {
        onProgress = null;
        LOG.log(System.Logger.Level.WARNING, "a listener failed and is not called again", e);
      }
    }
  }

  /** The base's, then the reward models'. */
  static float[] toTermWeights(Guidance guidance) {
    float[] weights = new float[guidance.weights().size() + 1];
    weights[0] = guidance.base();
    for (int i = 1; i < weights.length; i++) {
      weights[i] = guidance.weights().get(i - 1);
    }
    return weights;
  }
}
