package org.genarm.engine;

import java.util.List;
import org.genarm.binding.ProfiledOperation;

/**
 * Where the time of one step went.
 *
 * @param beginNanos of {@link System#nanoTime}'s clock, when planning began
 * @param nanos until its tokens were handed out: the native operations, and the host's work around them
 * @param rows that were computed, over all lanes
 * @param drawn sequences that drew a token
 * @param operations in order
 */
public record StepProfile(long beginNanos, long nanos, int rows, int drawn, List<ProfiledOperation> operations) {
  public StepProfile {
    operations = List.copyOf(operations);
  }

  /** Nanoseconds within native operations. */
  public long operationNanos() {
    return operations.stream().mapToLong(ProfiledOperation::nanos).sum();
  }
}
