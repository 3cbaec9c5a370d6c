package org.genarm.checkpoint.convert;

/** Told how far a conversion is, from the thread that converts. */
@FunctionalInterface
public interface ByteProgress {
  void written(long bytes, long totalBytes);
}
