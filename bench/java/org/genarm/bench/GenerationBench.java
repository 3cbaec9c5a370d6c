package org.genarm.bench;

import com.sun.management.ThreadMXBean;
import java.lang.management.ManagementFactory;
import java.util.concurrent.TimeUnit;
import org.genarm.engine.Completion;
import org.genarm.engine.DemoEngine;
import org.genarm.engine.Submission;
import org.genarm.guidance.SamplingParams;
import org.openjdk.jmh.annotations.AuxCounters;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

/**
 * The demo pair, guided, one request at a time, as a caller of the engine sees it.
 *
 * <p>{@code bytesPerToken} counts what both threads allocate on the Java heap from one token to the next, a request's
 * first and last tokens left out; it is to be 0. JMH's own {@code gc.alloc.rate.norm} counts a request's objects too.
 */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MICROSECONDS)
@Fork(1)
@Warmup(iterations = 3, time = 2)
@Measurement(iterations = 5, time = 2)
public class GenerationBench {
  private static final int LENGTH = 400;
  private static final int MARGIN = 20;
  private static final int[] PROMPT = DemoEngine.prompt(16, 3);

  private final ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
  private DemoEngine demo;
  private long engineThread;
  private Submission submission;
  private Completion completion;
  private long seen;
  private int read;

  /** Bytes and tokens between a request's margins. */
  @AuxCounters(AuxCounters.Type.EVENTS)
  @State(Scope.Thread)
  public static class Allocation {
    private long bytes;
    private long tokens;

    @Setup(Level.Iteration)
    public void clear() {
      bytes = 0;
      tokens = 0;
    }

    public double bytesPerToken() {
      return tokens == 0 ? 0 : (double) bytes / tokens;
    }
  }

  @Setup
  public void open() {
    demo = DemoEngine.open(0, DemoEngine.config(1));
    engineThread = Thread.getAllStackTraces().keySet().stream()
        .filter(thread -> thread.getName().equals("genarm-engine")).findAny().orElseThrow().getId();
    submit();
  }

  @TearDown
  public void close() {
    demo.close();
  }

  private void submit() {
    submission = demo.engine.submit(DemoEngine.request(PROMPT, SamplingParams.of(1), LENGTH, 1, 0));
    completion = submission.completions().get(0);
    seen = 0;
    read = 0;
  }

  private long allocated() {
    return threads.getThreadAllocatedBytes(engineThread)
        + threads.getThreadAllocatedBytes(Thread.currentThread().getId());
  }

  /** One token: a step, and its way to the reader. */
  @Benchmark
  public int token(Allocation allocation) throws InterruptedException {
    if (read == LENGTH) {
      submit();
    }
    long before = read >= MARGIN && read < LENGTH - MARGIN ? allocated() : -1;
    while (completion.size() <= read) {
      seen = submission.await(seen);
    }
    if (before >= 0) {
      allocation.bytes += allocated() - before;
      allocation.tokens++;
    }
    return completion.token(read++);
  }

  /** From a request of 16 prompt tokens to its first token, nothing else running. */
  @Benchmark
  public int submitToFirstToken() throws InterruptedException {
    Submission one = demo.engine.submit(DemoEngine.request(PROMPT, SamplingParams.of(1), 1, 1, 0));
    long events = 0;
    while (!one.isFinished()) {
      events = one.await(events);
    }
    return one.completions().get(0).token(0);
  }
}
