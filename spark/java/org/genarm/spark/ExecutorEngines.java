package org.genarm.spark;

import java.util.HashMap;
import java.util.Map;
import org.apache.spark.SparkEnv;
import org.genarm.GenArm;
import org.genarm.openai.OfflineRequests;

/**
 * The engines of this JVM: one a device, opened by the first task that asks and kept for all that come. A job with other
 * models has it closed once the tasks that use it have ended.
 */
final class ExecutorEngines {
  private static final Map<String, Held> BY_DEVICE = new HashMap<>();

  private ExecutorEngines() {}

  private static final class Held {
    private final EngineSpec spec;
    private final GenArm genArm;
    private final OfflineRequests requests;
    private int users;

    Held(EngineSpec spec, String device) {
      this.spec = spec;
      genArm = spec.open(device, threads(spec));
      requests = new OfflineRequests(genArm, spec.modelName(), spec.template(), Map.of());
    }
  }

  /** A task's share of an engine, until it is closed. */
  record Lease(OfflineRequests requests, Runnable release) implements AutoCloseable {
    @Override
    public void close() {
      release.run();
    }
  }

  /** Opens the engine where there is none yet; waits while tasks use one with other models. */
  static Lease acquire(EngineSpec spec, String device) throws InterruptedException {
    synchronized (BY_DEVICE) {
      Held held = BY_DEVICE.get(device);
      while (held != null && !(held.spec.equals(spec) && held.genArm.isOpen())) {
        if (held.users == 0) {
          BY_DEVICE.remove(device);
          held.genArm.close();
        } else {
          BY_DEVICE.wait();
        }
        held = BY_DEVICE.get(device);
      }
      if (held == null) {
        held = new Held(spec, device);
        BY_DEVICE.put(device, held);
      }
      held.users++;
      Held leased = held;
      return new Lease(held.requests, () -> release(leased));
    }
  }

  private static void release(Held held) {
    synchronized (BY_DEVICE) {
      held.users--;
      BY_DEVICE.notifyAll();
    }
  }

  /** How many this JVM has open. */
  static int open() {
    synchronized (BY_DEVICE) {
      return BY_DEVICE.size();
    }
  }

  private static int threads(EngineSpec spec) {
    SparkEnv environment = SparkEnv.get();
    return spec.threads() > 0 || environment == null
        ? spec.threads()
        : environment.conf().getInt("spark.executor.cores", 0);
  }
}
