package org.genarm.engine;

import org.genarm.binding.NativeEngine;
import org.genarm.binding.NativeException;

/** Brings planned steps behind the door, some before the tokens of those before them are there, and hands out the tokens. */
final class StepRunner {
  private static final System.Logger LOG = System.getLogger(StepRunner.class.getName());

  private final NativeEngine door;
  private final Scheduler scheduler;
  private final StepWriter writer;
  private final Speculator speculator;
  private final LawReader laws;
  private long begun; // the step submitted last
  private int drawn;

  /** laws: null where none is told. */
  StepRunner(NativeEngine door, Scheduler scheduler, StepWriter writer, Speculator speculator, LawReader laws) {
    this.door = door;
    this.scheduler = scheduler;
    this.writer = writer;
    this.speculator = speculator;
    this.laws = laws;
  }

  /**
   * Submits what there is to do, as long as no more than `most` steps are in flight, and hands out the tokens of the
   * oldest. Returns its rows; 0 where there was nothing to do, or a step failed.
   */
  int turn(int most) {
    if (!scheduler.mayPlan(most)) {
      scheduler.endFromOutside();
    }
    while (scheduler.mayPlan(most)) {
      int rows = scheduler.plan();
      if (rows == 0) {
        break;
      }
      if (!submit()) {
        return 0;
      }
    }
    return scheduler.inFlight().isEmpty() ? 0 : collect();
  }

  /** Hands out the tokens of every step in flight. */
  void drain() {
    while (!scheduler.inFlight().isEmpty()) {
      scheduler.endFromOutside();
      collect();
    }
  }

  /** Sequences that drew a token in the step whose tokens were handed out last. */
  int drawn() {
    return drawn;
  }

  private boolean submit() {
    begun = System.nanoTime();
    try {
      writer.write(scheduler);
      door.submit();
    } catch (NativeException.OutOfMemory | IllegalArgumentException e) {
      LOG.log(System.Logger.Level.WARNING, "a step failed, its sequences end", e);
      drain(); // they have drawn what they could
      scheduler.fail(e);
      return false;
    }
    scheduler.submitted();
    return true;
  }

  private int collect() {
    int rows = scheduler.inFlight().rows();
    drawn = scheduler.inFlight().numDrawing();
    door.collect();
    speculator.ran(scheduler, (System.nanoTime() - begun) * 1e-9);
    if (laws != null && scheduler.inFlight().size() == 1) { // no step follows one whose laws are to be read
      laws.read(scheduler, door.buffer().sampled);
    }
    scheduler.accept(door.buffer().sampled);
    return rows;
  }
}
