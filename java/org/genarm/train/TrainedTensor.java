package org.genarm.train;

import java.util.List;
import org.genarm.checkpoint.TensorType;

/**
 * A tensor that a run changes.
 *
 * @param type how the base stores it; F32 for low-rank ones
 */
record TrainedTensor(String name, List<Long> shape, TensorType type) {
  TrainedTensor {
    shape = List.copyOf(shape);
  }

  int size() {
    long size = 1;
    for (long extent : shape) {
      size = Math.multiplyExact(size, extent);
    }
    return Math.toIntExact(size);
  }
}
