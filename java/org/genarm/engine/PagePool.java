package org.genarm.engine;

/**
 * The KV page ids of one weight set. Java hands out the ids; the bytes are the native engine's.
 */
final class PagePool {
  private final int[] free;
  private final boolean[] taken;
  private int numFree;

  PagePool(int numPages) {
    free = new int[numPages];
    taken = new boolean[numPages];
    numFree = numPages;
    for (int i = 0; i < numPages; i++) {
      free[i] = numPages - 1 - i;
    }
  }

  int size() {
    return free.length;
  }

  int numFree() {
    return numFree;
  }

  /** The caller has asked {@link #numFree} first. */
  int take() {
    int page = free[--numFree];
    taken[page] = true;
    return page;
  }

  void give(int page) {
    if (!taken[page]) {
      throw new IllegalStateException("KV page " + page + " was given back twice");
    }
    taken[page] = false;
    free[numFree++] = page;
  }

  boolean isTaken(int page) {
    return taken[page];
  }
}
