package org.genarm.engine;

/**
 * The page pools of an engine's views; views over one weight set share theirs. A sequence takes all the pages that
 * its running lanes may ever need at once, so none runs out halfway.
 */
final class KvPages {
  private final PagePool[] pools;

  /** numPages: pages for each view. setOf: each view's weight set, numbered from 0. */
  KvPages(int numPages, int[] setOf) {
    PagePool[] sets = new PagePool[setOf.length];
    pools = new PagePool[setOf.length];
    for (int view = 0; view < setOf.length; view++) {
      if (sets[setOf[view]] == null) {
        sets[setOf[view]] = new PagePool(numPages * viewsOver(setOf[view], setOf));
      }
      pools[view] = sets[setOf[view]];
    }
  }

  static int viewsOver(int set, int[] setOf) {
    int count = 0;
    for (int other : setOf) {
      if (other == set) {
        count++;
      }
    }
    return count;
  }

  int numViews() {
    return pools.length;
  }

  PagePool pool(int view) {
    return pools[view];
  }

  /** Whether every lane that runs holds its pages or can have them. */
  boolean fits(Sequence sequence) {
    for (PagePool pool : pools) {
      int needed = 0;
      for (int view = 0; view < pools.length; view++) {
        Lane lane = sequence.lanes[view];
        if (pools[view] == pool && sequence.runs(view) && !lane.holdsPages()) {
          needed += lane.pages.length;
        }
      }
      if (needed > pool.numFree()) {
        return false;
      }
    }
    return true;
  }

  void take(Sequence sequence) {
    for (int view = 0; view < pools.length; view++) {
      if (sequence.runs(view)) {
        sequence.lanes[view].takePages(pools[view]);
      }
    }
  }

  void give(Sequence sequence) {
    for (int view = 0; view < pools.length; view++) {
      sequence.lanes[view].givePages(pools[view]);
    }
  }
}
