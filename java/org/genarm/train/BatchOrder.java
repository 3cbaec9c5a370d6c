package org.genarm.train;

import java.util.SplittableRandom;

/** Which pairs each step sees: depends on the seed and the step alone, so that a run can start anywhere. */
final class BatchOrder {
  private final int numPairs;
  private final int batchSize;
  private final boolean shuffle;
  private final long seed;
  private long epoch = -1;
  private int[] order;

  BatchOrder(int numPairs, int batchSize, boolean shuffle, long seed) {
    this.numPairs = numPairs;
    this.batchSize = Math.min(batchSize, numPairs);
    this.shuffle = shuffle;
    this.seed = seed;
  }

  /** Indices of the pairs of a step, counted from 0; an epoch's last batch may be smaller. */
  int[] batch(long step) {
    long batches = (numPairs + batchSize - 1) / batchSize;
    turnTo(step / batches);
    int first = (int) (step % batches) * batchSize;
    int[] batch = new int[Math.min(batchSize, numPairs - first)];
    System.arraycopy(order, first, batch, 0, batch.length);
    return batch;
  }

  private void turnTo(long wanted) {
    if (wanted == epoch) {
      return;
    }
    epoch = wanted;
    order = new int[numPairs];
    for (int i = 0; i < numPairs; i++) {
      order[i] = i;
    }
    if (!shuffle) {
      return;
    }
    SplittableRandom random = new SplittableRandom(new SplittableRandom(seed).nextLong() + epoch);
    for (int i = numPairs - 1; i > 0; i--) {
      int j = random.nextInt(i + 1);
      int kept = order[i];
      order[i] = order[j];
      order[j] = kept;
    }
  }
}
