package org.genarm.train;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/**
 * Tells a run that has diverged, though its numbers are finite, from one that is noisy.
 *
 * <p>Diverged is a run whose loss, averaged over a window of {@link #WINDOW} steps and {@link #WINDOW_PAIRS} pairs at the
 * least (single pairs leap), exceeds
 *
 * <pre>  factor · max(best, log 2)</pre>
 *
 * where best is the least such average before, and at the outset that of the first {@link #OUTSET_PAIRS} pairs; log 2 is
 * what a preference costs a model that knows nothing of it, so a loss near 0 may rise again. Diverged is also a run whose
 * gradient's norm, before clipping, exceeded 1 and its median by {@link #NORM_FACTOR} in {@link #STREAK} steps on end:
 * clipping keeps such a run's loss bounded while it learns nothing.
 */
final class DivergenceWatch {
  static final int WINDOW = 20;
  static final int WINDOW_PAIRS = 256;
  static final int OUTSET_PAIRS = 32;
  static final int STREAK = 5;
  static final double NORM_FACTOR = 1000;

  /** Steps whose average says whether a state is worth keeping: it has to notice sooner than the window does. */
  private static final int RECENT = 5;

  private static final double KNOWS_NOTHING = Math.log(2);

  private final double factor;
  private final int batchSize;
  private final int window;
  private final List<Double> losses = new ArrayList<>();  // of the last steps
  private final List<Double> calmNorms = new ArrayList<>();
  private long steps;
  private double first;
  private double best = Double.POSITIVE_INFINITY;
  private int streak;

  /**
   * @param factor 0 watches nothing
   * @param batchSize pairs of a step
   */
  DivergenceWatch(double factor, int batchSize) {
    this.factor = factor;
    this.batchSize = batchSize;
    window = Math.max(WINDOW, stepsOf(WINDOW_PAIRS));
  }

  /**
   * Hears of a step before its update; {@link DivergedException} says why the run is to be stopped.
   *
   * @param norm of the gradient before clipping
   */
  void step(double loss, double norm) {
    if (factor == 0) {
      return;
    }
    if (losses.size() == window) {
      losses.remove(0);
    }
    if (++steps == 1) {
      first = loss;
    }
    losses.add(loss);
    heardNorm(loss, norm);
    if (losses.size() == window) {
      double mean = mean(window);
      if (mean > limit(best)) {
        throw new DivergedException(
            String.format(
                Locale.ROOT,
                "the loss is %.4g and averages %.4g over %d steps, where its best was %.4g and the limit is %.4g"
                    + " (--divergence-factor %s)",
                loss, mean, window, best, limit(best), factor));
      }
      best = Math.min(best, mean);
    } else if (steps == stepsOf(OUTSET_PAIRS)) {
      best = mean(losses.size());
    }
  }

  /** Whether what the last updates made is worth keeping: nothing hints at a divergence that is not yet certain. */
  boolean calm() {
    double known = steps < window ? first : best;  // early averages may have seen a rate that was wild from the start
    return factor == 0 || steps == 0 || (streak == 0 && Math.max(mean(RECENT), mean(window)) <= limit(known) / 2);
  }

  private int stepsOf(int pairs) {
    return (pairs + batchSize - 1) / batchSize;
  }

  private double limit(double known) {
    return factor * Math.max(known, KNOWS_NOTHING);
  }

  private void heardNorm(double loss, double norm) {
    double median = norm > NORM_FACTOR ? median() : 0;
    if (norm <= NORM_FACTOR * Math.max(1, median)) {
      streak = 0;
      calmNorms.add(norm);
      return;
    }
    if (++streak == STREAK) {
      throw new DivergedException(
          String.format(
              Locale.ROOT,
              "the gradient's norm is %.4g, the last of %d above %.0f times its median of %.4g; the loss is %.4g,"
                  + " its best was %.4g",
              norm, STREAK, NORM_FACTOR, median, loss, Math.min(best, mean(losses.size()))));
    }
  }

  private double median() {
    return calmNorms.isEmpty() ? 0 : calmNorms.stream().sorted().skip((calmNorms.size() - 1) / 2).findFirst().orElseThrow();
  }

  private double mean(int last) {
    return losses.subList(Math.max(0, losses.size() - last), losses.size()).stream()
        .mapToDouble(Double::doubleValue).average().orElseThrow();
  }
}
