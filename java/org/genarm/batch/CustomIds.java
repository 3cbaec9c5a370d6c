package org.genarm.batch;

/**
 * The lines that have had each {@code custom_id}, by 64 bits of its digest: among ten million, two that differ are taken
 * for the same once in some hundred thousand files.
 */
final class CustomIds {
  private static final int LEAST_SLOTS = 1024;

  /** Open addressing, at most half full; a line's number is 0 where the slot is free. */
  private long[] digests = new long[LEAST_SLOTS];
  private long[] lines = new long[LEAST_SLOTS];
  private int size;

  /** The line, refused where an earlier one has its custom_id. */
  BatchLine requireNew(BatchLine line) {
    if (line.customId() == null) {
      return line;
    }
    long first = putIfAbsent(line.digest(), line.number());
    return first == 0 ? line
        : BatchLine.refused(line.number(), line.customId(), "custom_id is that of line " + first + " already");
  }

  /** The line that had it before, or 0. */
  private long putIfAbsent(long digest, long number) {
    if (2 * (size + 1) > digests.length) {
      grow();
    }
    int slot = slot(digest);
    if (lines[slot] != 0) {
      return lines[slot];
    }
    digests[slot] = digest;
    lines[slot] = number;
    size++;
    return 0;
  }

  /** Where it is, or would be. */
  private int slot(long digest) {
    int slot = (int) digest & digests.length - 1;
    while (lines[slot] != 0 && digests[slot] != digest) {
      slot = slot + 1 & digests.length - 1;
    }
    return slot;
  }

  private void grow() {
    long[] oldDigests = digests;
    long[] oldLines = lines;
    digests = new long[2 * oldDigests.length];
    lines = new long[digests.length];
    for (int i = 0; i < oldLines.length; i++) {
      if (oldLines[i] != 0) {
        int slot = slot(oldDigests[i]);
        digests[slot] = oldDigests[i];
        lines[slot] = oldLines[i];
      }
    }
  }
}
