package org.genarm.engine;

import java.util.List;

/**
 * One sequence as one view sees it: its own prompt, how many of its positions stand in the KV cache, and the pages
 * they stand in. The tokens after the prompt are the sequence's.
 */
final class Lane {
  final int[] prompt;
  /** Of a preference-conditioned view; empty for any other. Keys and values depend on it, so it stays. */
  final List<Float> preference;
  final int[] pages;
  int numPages;
  /** Positions whose keys and values have been computed. */
  int computed;

  /** Rows of this lane in the step being planned. */
  int rows;
  /** Where the step buffer holds the last of them. */
  int lastRow;

  Lane(int[] prompt, List<Float> preference, int maxPages) {
    this.prompt = prompt;
    this.preference = preference;
    this.pages = new int[maxPages];
  }

  boolean holdsPages() {
    return numPages > 0;
  }

  void takePages(PagePool pool) {
    while (numPages < pages.length) {
      pages[numPages++] = pool.take();
    }
  }

  void givePages(PagePool pool) {
    while (numPages > 0) {
      pool.give(pages[--numPages]);
    }
    computed = 0;
  }
}
