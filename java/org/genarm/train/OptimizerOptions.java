package org.genarm.train;

/**
 * AdamW with betas 0.9 and 0.999, eps 1e-8.
 *
 * @param weightDecay decoupled, on every trained tensor
 * @param maxGradNorm of all gradients together; 0 does not clip
 */
public record OptimizerOptions(
    double learningRate, Schedule schedule, int warmupSteps, double weightDecay, double maxGradNorm) {
  public OptimizerOptions {
    if (!(learningRate >= 0) || !Double.isFinite(learningRate)) {
      throw new IllegalArgumentException("learning rate must be finite and at least 0, got " + learningRate);
    }
    if (warmupSteps < 0) {
      throw new IllegalArgumentException("warm-up steps must be at least 0, got " + warmupSteps);
    }
  }
}
