package org.genarm.engine;

/**
 * The KV pages of an engine's lanes, in a pool for each weight set. A lane takes a page when its rows reach it. A full
 * page is shared by every lane of the same view and preference whose tokens up to its end are the same: its keys and
 * values are the same bits, whoever computes them.
 */
final class KvPages {
  private final PagePool[] pools;
  private final int pageSize;
  private final boolean sharing;
  private final int[] window;
  private long step;
  private long queriedTokens;
  private long hitTokens;

  /** setOf: each view's weight set, numbered from 0. */
  KvPages(EngineConfig config, int[] setOf) {
    pageSize = config.pageSize();
    sharing = config.prefixSharing();
    window = new int[pageSize];
    PagePool[] sets = new PagePool[setOf.length];
    pools = new PagePool[setOf.length];
    for (int view = 0; view < setOf.length; view++) {
      if (sets[setOf[view]] == null) {
        sets[setOf[view]] = new PagePool(config.kvPages() * viewsOver(setOf[view], setOf), pageSize);
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

  int pageSize() {
    return pageSize;
  }

  PagePool pool(int view) {
    return pools[view];
  }

  /** Tokens that were to be read before a first token, shared ones among them. */
  long queriedTokens() {
    return queriedTokens;
  }

  /** Tokens that need not be computed because their pages were shared. */
  long hitTokens() {
    return hitTokens;
  }

  /** Starts a step's plan. */
  void beginStep() {
    step++;
  }

  /**
   * Whether the pools have room for everything that the sequence has to read, and beside it for the next page of each
   * lane of `running` sequences.
   */
  boolean hasRoom(Sequence sequence, Sequence[] running, int numRunning) {
    for (int first = 0; first < pools.length; first++) {
      PagePool pool = pools[first];
      int needed = 0;
      for (int view = first; view < pools.length; view++) {
        if (pools[view] != pool) {
          continue;
        }
        for (int i = 0; i < numRunning; i++) {
          needed += running[i].runs(view) ? 1 : 0;
        }
        needed += sequence.runs(view) ? EngineConfig.pages(sequence.length(view), pageSize) : 0;
      }
      for (int view = first; needed > pool.numAvailable() && view < pools.length; view++) {
        needed -= pools[view] == pool && sequence.runs(view) ? usedByOthers(sequence, view) : 0;
      }
      if (needed > pool.numAvailable()) {
        return false;
      }
    }
    return true;
  }

  /** Pages that a sequence without any will share with lanes that run. */
  private int usedByOthers(Sequence sequence, int view) {
    int used = 0;
    long tail = PageContents.root(view);
    for (int index = 0; canShare(sequence, view, index); index++) {
      int page = find(sequence, view, index, tail);
      if (page < 0) {
        break;
      }
      tail = pools[view].contents().number(page);
      used += pools[view].references(page) > 0 ? 1 : 0;
    }
    return used;
  }

  /** The row that draws is computed in any case, so its page is not shared. */
  private boolean canShare(Sequence sequence, int view, int index) {
    return sharing && (index + 1) * pageSize < sequence.length(view);
  }

  private int find(Sequence sequence, int view, int index, long tail) {
    for (int i = 0; i < pageSize; i++) {
      window[i] = sequence.token(view, index * pageSize + i);
    }
    return pools[view].contents().find(tail, sequence.lanes[view].preference, window);
  }

  /** Moves a lane ahead over the pages that hold what it would compute next. */
  void share(Sequence sequence, int view) {
    Lane lane = sequence.lanes[view];
    while (lane.computed == lane.numPages * pageSize && lane.numbered == lane.numPages
        && canShare(sequence, view, lane.numPages)) {
      int page = find(sequence, view, lane.numPages, lane.tail);
      if (page < 0) {
        return;
      }
      pools[view].share(page);
      lane.pages[lane.numPages++] = page;
      lane.computed += pageSize;
      lane.tail = pools[view].contents().number(page);
      lane.numbered++;
      queriedTokens += pageSize;
      hitTokens += pageSize;
    }
  }

  void countComputed(int tokens) {
    queriedTokens += tokens;
  }

  /** Takes pages for the lane's rows of this step; false where there are too few, of which it keeps what it has. */
  boolean take(Lane lane, int view) {
    int needed = EngineConfig.pages(lane.computed + lane.rows, pageSize);
    while (lane.numPages < needed) {
      if (pools[view].numAvailable() == 0) {
        return false;
      }
      lane.pages[lane.numPages++] = pools[view].take();
    }
    return true;
  }

  /** Whether {@link #take} has pages for every lane's rows of this step. */
  boolean hasRows(Sequence sequence) {
    for (int first = 0; first < pools.length; first++) {
      int needed = 0;
      for (int view = first; view < pools.length; view++) {
        Lane lane = sequence.lanes[view];
        int missing = EngineConfig.pages(lane.computed + lane.rows, pageSize) - lane.numPages;
        needed += pools[view] == pools[first] ? Math.max(0, missing) : 0;
      }
      if (needed > pools[first].numAvailable()) {
        return false;
      }
    }
    return true;
  }

  /** Offers the pages that the lane's rows fill by this step; not those that hold a guess, or a token not yet seen. */
  void publish(Sequence sequence, int view) {
    Lane lane = sequence.lanes[view];
    int known = Math.min(lane.computed + lane.rows, sequence.knownLength(view));
    while (sharing && (lane.numbered + 1) * pageSize <= known) {
      int page = find(sequence, view, lane.numbered, lane.tail);
      if (page < 0) {
        page = lane.pages[lane.numbered];
        pools[view].publish(page, lane.tail, lane.preference, window, step);
      }
      lane.tail = pools[view].contents().number(page);
      lane.numbered++;
    }
  }

  /** Whether the sequence has a page that this step was to fill. */
  boolean waitsForThisStep(Sequence sequence) {
    for (int view = 0; view < pools.length; view++) {
      Lane lane = sequence.lanes[view];
      for (int i = 0; i < lane.numPages; i++) {
        if (pools[view].isPublishedIn(lane.pages[i], step)) {
          return true;
        }
      }
    }
    return false;
  }

  /** This step did not run: nobody is to find the pages that the sequence's rows were to fill. */
  void withdraw(Sequence sequence) {
    for (int view = 0; view < pools.length; view++) {
      Lane lane = sequence.lanes[view];
      for (int i = 0; i < lane.numPages; i++) {
        if (pools[view].isPublishedIn(lane.pages[i], step)) {
          pools[view].withdraw(lane.pages[i]);
        }
      }
    }
  }

  void give(Sequence sequence) {
    for (int view = 0; view < pools.length; view++) {
      sequence.lanes[view].givePages(pools[view], view);
    }
  }
}
