package org.genarm.server;

import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import org.genarm.openai.OpenAiError;

/** The generations that are running, by the id of their response. Any thread may use it. */
final class Generations {
  private final Map<String, GenerationRun> running = new ConcurrentHashMap<>();

  void add(GenerationRun run) {
    running.put(run.id(), run);
  }

  void remove(GenerationRun run) {
    running.remove(run.id());
    synchronized (this) {
      notifyAll();
    }
  }

  /** The run with this id; a 404 where there is none or it has ended. */
  GenerationRun get(String id) {
    GenerationRun run = running.get(id);
    if (run == null) {
      throw OpenAiError.notFound("generation_not_found", "no running generation has the id " + id);
    }
    return run;
  }

  Collection<GenerationRun> all() {
    return List.copyOf(running.values());
  }

  int size() {
    return running.size();
  }

  /** Waits until none is running, or the time is over; tells whether none is. */
  synchronized boolean awaitNone(long nanos) throws InterruptedException {
    long end = System.nanoTime() + nanos;
    while (!running.isEmpty()) {
      long left = TimeUnit.NANOSECONDS.toMillis(end - System.nanoTime());
      if (left <= 0) {
        return false;
      }
      wait(left);
    }
    return true;
  }
}
