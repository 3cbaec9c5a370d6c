package org.genarm.cli.measure;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.PrintWriter;
import java.util.ArrayList;
import java.util.List;

/**
 * What profiling costs, as a share of a run without it: the median over turns, and an interval that holds the true median
 * at 95 %, whatever the law of the turns.
 *
 * @param shares of each turn, 0 for nothing
 */
record ProfilingCost(List<Double> shares) {
  /** The fewest turns that give such an interval. */
  static final int LEAST_TURNS = 6;
  /** The number of turns below the true median has half the root of their number as its deviation. */
  private static final double HALF_WIDTH = 1.96 * 0.5;

  interface Work {
    /** Seconds of the work of this turn, which is the same with profiling and without. */
    double seconds(boolean profiled, int turn) throws InterruptedException;
  }

  ProfilingCost {
    shares = shares.stream().sorted().toList();
  }

  /**
   * As many turns as fit, and so many in any case. Each is four runs, two plain ones within two profiled ones or the other
   * way round, so that a machine that gets steadily faster or slower meanwhile favours neither.
   */
  static ProfilingCost measure(Work work, int leastTurns, long nanos) throws InterruptedException {
    List<Double> shares = new ArrayList<>();
    long end = System.nanoTime() + nanos;
    for (int turn = 0; turn < leastTurns || System.nanoTime() - end < 0; turn++) {
      boolean outer = turn % 2 == 0;
      double around = work.seconds(outer, turn);
      double within = work.seconds(!outer, turn) + work.seconds(!outer, turn);
      around += work.seconds(outer, turn);
      shares.add((outer ? around / within : within / around) - 1);
    }
    return new ProfilingCost(shares);
  }

  double median() {
    return Spread.median(shares);
  }

  double low() {
    return shares.get(outside());
  }

  double high() {
    return shares.get(shares.size() - 1 - outside());
  }

  /** How many of the least, and of the greatest, lie outside the interval. */
  private int outside() {
    return Math.max(0, (int) ((shares.size() - 1) / 2.0 - HALF_WIDTH * Math.sqrt(shares.size())));
  }

  void put(ObjectNode report) {
    report.put("profiling_overhead", median());
    report.put("profiling_overhead_low", low());
    report.put("profiling_overhead_high", high());
    report.put("turns", shares.size());
  }

  void print(PrintWriter out) {
    out.printf("profiling cost %.1f %% (95 %% interval %.1f to %.1f %%, %d turns of four runs)%n",
        100 * median(), 100 * low(), 100 * high(), shares.size());
  }
}
