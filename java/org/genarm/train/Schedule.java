package org.genarm.train;

import java.util.Locale;

/** How the learning rate goes after its linear warm-up, as transformers schedules it. */
public enum Schedule {
  CONSTANT,
  COSINE,
  LINEAR;

  /**
   * What the learning rate is multiplied with.
   *
   * @param step from 0
   * @param steps of the whole run
   * @param warmupSteps during which it rises from 0
   */
  public double factor(long step, long steps, long warmupSteps) {
    if (step < warmupSteps) {
      return (double) step / warmupSteps;
    }
    double progress = (double) (step - warmupSteps) / Math.max(1, steps - warmupSteps);
    return switch (this) {
      case CONSTANT -> 1;
      case LINEAR -> Math.max(0, 1 - progress);
      case COSINE -> Math.max(0, 0.5 * (1 + Math.cos(Math.PI * progress)));
    };
  }

  /** As the command line spells it. */
  @Override
  public String toString() {
    return name().toLowerCase(Locale.ROOT);
  }
}
