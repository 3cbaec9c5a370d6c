package org.genarm.engine;

import java.util.function.Consumer;
import org.genarm.binding.NativeEngine;

/** Tells a listener, and the JDK's flight recorder where it runs, what each step took. Costs nothing while nobody asks. */
final class StepWatch {
  private static final System.Logger LOG = System.getLogger(StepWatch.class.getName());
  private static final boolean HAS_RECORDER = ModuleLayer.boot().findModule("jdk.jfr").isPresent();

  private final NativeEngine door;
  private final int maxOperations;
  private final Recording recording = HAS_RECORDER ? new Recording() : null;
  private volatile Consumer<StepProfile> listener;
  private boolean profiling;
  private long begin;

  /** maxOperations: that one step runs. */
  StepWatch(NativeEngine door, int maxOperations) {
    this.door = door;
    this.maxOperations = maxOperations;
  }

  void listen(Consumer<StepProfile> newListener) {
    listener = newListener;
  }

  /** Before steps are planned. drain: hands out the tokens of all steps in flight. */
  void begin(Runnable drain) {
    if (recording != null) {
      recording.step.begin();
    }
    boolean wanted = listener != null;
    if (wanted != profiling) {
      drain.run();
      door.profile(wanted ? maxOperations : 0);
      profiling = wanted;
    }
    if (wanted) {
      begin = System.nanoTime();
    }
  }

  /** Whether operations are timed, one step at a time. */
  boolean isProfiling() {
    return profiling;
  }

  /** After its tokens were handed out. */
  void end(int rows, int drawn) {
    if (recording != null) {
      recording.commit(rows, drawn);
    }
    Consumer<StepProfile> told = listener;
    if (profiling && told != null) {
      long nanos = System.nanoTime() - begin;
      try {
        told.accept(new StepProfile(begin, nanos, rows, drawn, door.profiled()));
      } catch (RuntimeException e) {
        listener = null;
        LOG.log(System.Logger.Level.WARNING, "a profiling listener failed and is not called again", e);
      }
    }
  }

  /** Apart, so that nothing of the recorder is loaded where the JVM lacks it. */
  private static final class Recording {
    final StepEvent step = new StepEvent();

    void commit(int rows, int drawn) {
      if (step.shouldCommit()) {
        step.rows = rows;
        step.drawn = drawn;
        step.commit();
      }
    }
  }
}
