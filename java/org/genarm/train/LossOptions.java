package org.genarm.train;

import org.genarm.binding.TrainerOptions.Objective;

/**
 * The loss of a pair: {@link org.genarm.binding.TrainerOptions} has its formula.
 *
 * @param beta scales the difference of log-probabilities
 * @param gamma the margin that is asked for
 */
public record LossOptions(
    Objective objective,
    double beta,
    double gamma,
    double labelSmoothing,
    boolean hinge,
    boolean lengthNormalization) {
  /** The reference's: no margin, no smoothing, no hinge, sums. */
  public static LossOptions of(Objective objective, double beta) {
    return new LossOptions(objective, beta, 0, 0, false, false);
  }
}
