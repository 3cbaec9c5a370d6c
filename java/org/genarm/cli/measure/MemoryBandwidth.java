package org.genarm.cli.measure;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CyclicBarrier;
import java.util.stream.LongStream;

/** How fast this machine's processors read memory. */
public final class MemoryBandwidth {
  /** Well beyond the caches; read by halves, so that a comparison of two equal ones reads all of it. */
  private static final int BYTES = 64 << 20;

  private static final int ROUNDS = 12;

  private MemoryBandwidth() {}

  /** Bytes per second of so many threads together, the best of some rounds. */
  public static double measure(int threads) throws InterruptedException {
    double best = 0;
    List<byte[][]> blocks = new ArrayList<>();
    for (int thread = 0; thread < threads; thread++) {
      blocks.add(new byte[][] {new byte[BYTES], new byte[BYTES]});
      Arrays.fill(blocks.get(thread)[0], (byte) 1);
      Arrays.fill(blocks.get(thread)[1], (byte) 1);
    }
    for (int round = 0; round < ROUNDS; round++) {
      best = Math.max(best, 2.0 * BYTES * threads / round(blocks));
    }
    return best;
  }

  /** Seconds from the first thread's beginning to the last one's end. */
  private static double round(List<byte[][]> blocks) throws InterruptedException {
    CyclicBarrier start = new CyclicBarrier(blocks.size());
    long[] begins = new long[blocks.size()];
    long[] ends = new long[blocks.size()];
    List<Thread> threads = new ArrayList<>();
    for (int i = 0; i < begins.length; i++) {
      int own = i;
      Thread thread = new Thread(() -> {
        await(start);
        begins[own] = System.nanoTime();
        // The JVM's own vector code whatever the compiler: a loop would measure that.
        if (Arrays.mismatch(blocks.get(own)[0], blocks.get(own)[1]) >= 0) {
          throw new IllegalStateException("memory differs from itself");
        }
        ends[own] = System.nanoTime();
      }, "genarm-bandwidth");
      thread.start();
      threads.add(thread);
    }
    for (Thread thread : threads) {
      thread.join();
    }
    return (LongStream.of(ends).max().getAsLong() - LongStream.of(begins).min().getAsLong()) * 1e-9;
  }

  private static void await(CyclicBarrier start) {
    try {
      start.await();
    } catch (Exception e) {
      throw new IllegalStateException(e);
    }
  }
}
