package org.genarm.train;

import org.genarm.binding.Dtype;
import org.genarm.binding.TrainerOptions;
import org.genarm.binding.TrainerOptions.Objective;

/**
 * What a run does.
 *
 * @param lora null trains every tensor of the checkpoint
 * @param batchSize pairs of one update; an epoch's last batch has what is left
 * @param microBatchSize pairs computed at a time; 0 takes as many as have {@link #MICRO_BATCH_TOKENS} tokens
 * @param epochs times round the pairs; counts where {@code steps} is 0
 * @param steps updates, going round the pairs again; 0 for {@code epochs}
 * @param shuffle a new order each epoch, from the seed
 * @param startTemperature what the base's logits are divided by before the first step; only 1 for low-rank updates
 * @param concentration of the Dirichlet law that a preference-conditioned run draws each step's preference from
 * @param compute {@link Dtype#F32}, or {@link Dtype#BF16} for the factors of linear layers
 * @param checkpointing layers are computed again in backward instead of being kept
 * @param evalEvery steps between evaluations; 0: after the last one alone
 * @param saveEvery steps between states for resuming; 0: after the last one alone
 * @param divergenceFactor of {@link DivergenceWatch}; 0 lets a run diverge as long as its numbers are finite
 */
public record TrainConfig(
    LossOptions loss,
    LoraOptions lora,
    OptimizerOptions optimizer,
    int batchSize,
    int microBatchSize,
    int epochs,
    long steps,
    boolean shuffle,
    long seed,
    double startTemperature,
    double concentration,
    Dtype compute,
    boolean checkpointing,
    int evalEvery,
    int saveEvery,
    double divergenceFactor) {
  /** How much worse than its best a run may get. */
  public static final double DIVERGENCE_FACTOR = 3;

  /** PARM's. */
  public static final double CONCENTRATION = 0.5;

  /** A few hundred megabytes of activations for a 7B model with checkpointing. */
  static final int MICRO_BATCH_TOKENS = 8192;

  public TrainConfig {
    requireAtLeast("batch size", batchSize, 1);
    requireAtLeast("micro-batch size", microBatchSize, 0);
    requireAtLeast("epochs", epochs, 1);
    requireAtLeast("steps", steps, 0);
    requireAtLeast("steps between evaluations", evalEvery, 0);
    requireAtLeast("steps between saved states", saveEvery, 0);
    if (!(startTemperature > 0) || !Double.isFinite(startTemperature) || (lora != null && startTemperature != 1)) {
      throw new IllegalArgumentException(
          "start temperature must be finite and above 0, and 1 for low-rank updates, got " + startTemperature);
    }
    if (!(concentration > 0) || !Double.isFinite(concentration)) {
      throw new IllegalArgumentException("concentration must be finite and above 0, got " + concentration);
    }
    if (divergenceFactor != 0 && !(divergenceFactor > 1 && Double.isFinite(divergenceFactor))) {
      throw new IllegalArgumentException("divergence factor must be finite and above 1, or 0, got " + divergenceFactor);
    }
    if (conditioned(lora) && loss.objective() == Objective.LM) {
      throw new IllegalArgumentException("a preference-conditioned update is trained on preferences: arm or dpo, not lm");
    }
  }

  /** Whether updates depend on a preference vector. */
  boolean conditioned() {
    return conditioned(lora);
  }

  private static boolean conditioned(LoraOptions lora) {
    return lora != null && lora.conditioned();
  }

  /** Updates of the whole run over so many pairs. */
  long totalSteps(int numPairs) {
    return steps > 0 ? steps : (long) epochs * ((numPairs + batchSize - 1) / batchSize);
  }

  TrainerOptions trainerOptions() {
    return new TrainerOptions(
        loss.objective(),
        loss.hinge(),
        loss.lengthNormalization(),
        (float) loss.beta(),
        (float) loss.gamma(),
        (float) loss.labelSmoothing(),
        lora == null,
        checkpointing,
        lora == null ? 0 : (float) lora.dropout(),
        (float) optimizer.weightDecay(),
        (float) optimizer.maxGradNorm(),
        seed,
        compute);
  }

  /** What must be the same for a run over so many pairs to go on where another stopped. */
  String identity(int numPairs) {
    boolean anyLength = optimizer.schedule() == Schedule.CONSTANT;
    return String.join(
        "; ",
        String.valueOf(loss),
        String.valueOf(lora),
        String.valueOf(optimizer),
        "batch size " + batchSize + ", micro-batch size " + microBatchSize,
        "shuffle " + shuffle + ", seed " + seed + ", compute " + compute,
        "start temperature " + startTemperature + ", concentration " + concentration
            + (anyLength ? "" : ", steps " + totalSteps(numPairs)));
  }

  private static void requireAtLeast(String name, long value, long least) {
    if (value < least) {
      throw new IllegalArgumentException(name + " must be at least " + least + ", got " + value);
    }
  }
}
