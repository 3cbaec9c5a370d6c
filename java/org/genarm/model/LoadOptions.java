package org.genarm.model;

import org.genarm.binding.Dtype;

/**
 * How a model is loaded.
 *
 * @param dtype how the linear layers are kept; null keeps each as stored
 * @param progress told after every tensor
 */
public record LoadOptions(Dtype dtype, Progress progress) {
  /** Every tensor as stored, nobody told. */
  public static final LoadOptions AS_STORED = new LoadOptions(null, (loaded, total) -> {});

  /** Follows a load. */
  @FunctionalInterface
  public interface Progress {
    /** Bytes of the files that are loaded by now, and all that will be. */
    void loaded(long bytes, long totalBytes);
  }
}
