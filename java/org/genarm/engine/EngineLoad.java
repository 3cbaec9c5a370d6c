package org.genarm.engine;

import java.util.List;

/**
 * How busy an engine is.
 *
 * @param running completions that have a slot
 * @param waiting completions in the queue
 * @param kvUsage of each view, the share of its KV pages that is taken, in [0, 1]
 */
public record EngineLoad(int running, int waiting, List<Double> kvUsage) {
  public EngineLoad {
    kvUsage = List.copyOf(kvUsage);
  }
}
