package org.genarm.engine;

import org.genarm.binding.ProfiledOperations;

/**
 * Where the time of one step went.
 *
 * @param beginNanos of {@link System#nanoTime}'s clock, when planning began
 * @param nanos until its tokens were handed out: the native operations, and the host's work around them
 * @param rows that were computed, over all lanes
 * @param drawn sequences that drew a token
 * @param operations in order, each from the end of the one before it
 */
public record StepProfile(long beginNanos, long nanos, int rows, int drawn, ProfiledOperations operations) {
  /** Nanoseconds within native operations. */
  public long operationNanos() {
    return operations.nanos();
  }
}
