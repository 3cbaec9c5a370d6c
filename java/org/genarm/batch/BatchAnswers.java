package org.genarm.batch;

import java.util.ArrayDeque;
import java.util.concurrent.RejectedExecutionException;
import org.genarm.openai.OfflineRequest;
import org.genarm.openai.OfflineRequests;
import org.genarm.openai.OpenAiError;

/**
 * Answers lines in their order while keeping the engine full: those behind the one that is waited for run already. What
 * is held is bounded, however long the input is. One thread uses it.
 */
public final class BatchAnswers implements AutoCloseable {
  /** Where others fill the engine's queue there is no ring to wait for. */
  private static final long RETRY_MS = 20;

  private static final int INTERNAL = 500;
  private static final int ENGINE_FAILED = 503;
  private static final System.Logger LOG = System.getLogger(BatchAnswers.class.getName());

  private final OfflineRequests requests;
  private final LineSource source;
  private final BatchLimits limits;
  private final long seed;
  private final CustomIds seen;
  private final Bell bell = new Bell();
  private final ArrayDeque<Pending> window = new ArrayDeque<>();
  private long windowBytes;
  private Pending next;
  private boolean ended;

  /** A line under way: refused, or with a request. */
  private static final class Pending {
    private final BatchLine line;
    private final long bytes;
    private OfflineRequest request;
    private OpenAiError refusal;

    Pending(BatchLine line, long bytes) {
      this.line = line;
      this.bytes = bytes;
    }

    boolean runs() {
      return request != null && !request.isFinished();
    }

    AnswerLine answer() {
      if (refusal != null) {
        return AnswerLine.of(line, bytes, refusal);
      }
      if (request == null) {
        return AnswerLine.refused(line, bytes);
      }
      try {
        return AnswerLine.of(line, bytes, request.answer());
      } catch (OpenAiError e) {
        return AnswerLine.of(line, bytes, e);
      }
    }
  }

  /** seed: what the seeds of requests without one are drawn from, together with their custom_id. */
  public BatchAnswers(OfflineRequests requests, LineSource source, BatchLimits limits, long seed) {
    this(requests, source, limits, seed, null);
  }

  /** seen: the lines so far, in which a custom_id may stand once; null where it does not matter. */
  BatchAnswers(OfflineRequests requests, LineSource source, BatchLimits limits, long seed, CustomIds seen) {
    this.requests = requests;
    this.source = source;
    this.limits = limits;
    this.seed = seed;
    this.seen = seen;
  }

  /**
   * The next line's answer, waiting for it; null once all lines are answered.
   *
   * @throws RuntimeException where the engine fails: the line stays unanswered
   */
  public AnswerLine next() throws InterruptedException {
    fill();
    Pending head = window.peek();
    while (head == null ? next != null : head.runs()) {
      bell.await(next == null || head != null ? 0 : RETRY_MS);
      readStops();
      fill();
      head = window.peek();
    }
    if (head == null) {
      return null;
    }
    window.poll();
    windowBytes -= head.bytes;
    return head.answer();
  }

  private void fill() throws InterruptedException {
    int running = 0;
    for (Pending pending : window) {
      running += pending.runs() ? pending.request.choices() : 0;
    }
    while (window.isEmpty() || (window.size() < limits.lines() && windowBytes < limits.bytes())) {
      if (next == null && !prepare()) {
        return;
      }
      if (next.request != null) {
        int choices = next.request.choices();
        if (running > 0 && running + choices > limits.choices() || !submit(next)) {
          return;
        }
        running += choices;
      }
      window.add(next);
      windowBytes += next.bytes;
      next = null;
    }
  }

  /** Reads the next line into a request. False at the end. */
  private boolean prepare() throws InterruptedException {
    LineSource.Line read = ended ? null : source.next();
    if (read == null) {
      ended = true;
      return false;
    }
    if (read.bytes() == null) {
      next = new Pending(BatchLine.refused(read.number(), null, "it is longer than a request may be"), 0);
      return true;
    }
    BatchLine line = BatchLine.parse(read.number(), read.bytes());
    if (seen != null) {
      line = seen.requireNew(line);
    }
    next = new Pending(line, read.bytes().length);
    if (line.body() != null) {
      try {
        next.request = requests.prepare(line.url(), line.body(), line.id(), line.seed(seed));
      } catch (RuntimeException e) {
        next.refusal = refusal(line, e);
      }
    }
    return true;
  }

  /** What one line did; a failure of the engine is not a line's. */
  private static OpenAiError refusal(BatchLine line, RuntimeException failure) {
    OpenAiError error = OpenAiError.of(failure);
    if (error.status() == ENGINE_FAILED) {
      throw failure;
    }
    if (error.status() == INTERNAL) {
      LOG.log(System.Logger.Level.ERROR, "line " + line.number() + " failed", failure);
    }
    return error;
  }

  /** False where the engine takes no more; what it refuses has its answer. */
  private boolean submit(Pending pending) {
    OfflineRequest request = pending.request;
    try {
      request.submit();
      request.onProgress(() -> {
        if (request.hasStops() || request.isFinished()) {
          bell.ring();
        }
      });
    } catch (RejectedExecutionException full) {
      return false;
    } catch (OpenAiError e) {
      pending.request = null;
      pending.refusal = e;
    }
    return true;
  }

  private void readStops() {
    for (Pending pending : window) {
      if (pending.request != null && pending.request.hasStops()) {
        pending.request.read();
      }
    }
  }

  /** Ends what is still under way. */
  @Override
  public void close() {
    for (Pending pending : window) {
      if (pending.request != null) {
        pending.request.cancel();
      }
    }
    window.clear();
    ended = true;
    next = null;
  }
}
