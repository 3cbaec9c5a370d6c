package org.genarm.server;

import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.Executor;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * The threads beside the event loop. Parsers and writers are apart, so that a prompt of a million characters does not
 * hold up what streams.
 */
final class Workers implements AutoCloseable {
  private static final int MAX_PARSING = 1024;

  private final ThreadPoolExecutor parsers;
  private final ThreadPoolExecutor writers;

  Workers() {
    int threads = Math.max(2, Runtime.getRuntime().availableProcessors() / 2);
    parsers = new ThreadPoolExecutor(threads, threads, 1, TimeUnit.MINUTES, new ArrayBlockingQueue<>(MAX_PARSING),
        named("genarm-http-parser-"));
    writers = new ThreadPoolExecutor(threads, threads, 1, TimeUnit.MINUTES, new LinkedBlockingQueue<>(),
        named("genarm-http-writer-"));
  }

  private static ThreadFactory named(String prefix) {
    AtomicInteger number = new AtomicInteger();
    return task -> {
      Thread thread = new Thread(task, prefix + number.getAndIncrement());
      thread.setDaemon(true);
      return thread;
    };
  }

  /** Refuses with RejectedExecutionException where too many bodies wait to be parsed. */
  Executor parsers() {
    return parsers;
  }

  /** Each run has at most one task here. */
  Executor writers() {
    return writers;
  }

  @Override
  public void close() {
    parsers.shutdownNow();
    writers.shutdownNow();
  }
}
