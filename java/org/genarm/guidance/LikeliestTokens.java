package org.genarm.guidance;

import java.util.Arrays;

/** The likeliest tokens of a law. */
public final class LikeliestTokens {
  private LikeliestTokens() {}

  /** Ids of the `count` largest values in falling order, the lower id first on ties; fewer where there are fewer. */
  public static int[] of(float[] law, int count) {
    int[] ids = new int[Math.min(count, law.length)];
    int size = 0;
    for (int id = 0; id < law.length && ids.length > 0; id++) {
      if (size == ids.length && !(law[id] > law[ids[size - 1]])) {
        continue;
      }
      int at = size < ids.length ? size++ : size - 1;
      while (at > 0 && law[id] > law[ids[at - 1]]) {
        ids[at] = ids[at - 1];
        at--;
      }
      ids[at] = id;
    }
    return Arrays.copyOf(ids, size);
  }
}
