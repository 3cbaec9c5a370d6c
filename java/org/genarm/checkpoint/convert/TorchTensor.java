package org.genarm.checkpoint.convert;

import java.util.List;
import org.genarm.checkpoint.TensorType;

/**
 * A tensor as PyTorch pickles it: a view into a storage, which other tensors may share.
 *
 * @param type of an element
 * @param storage the entry of the archive that holds the elements
 * @param offset of the first element, in elements of the storage
 * @param shape row-major; empty for a scalar
 * @param strides elements between neighbours of each dimension
 */
record TorchTensor(TensorType type, ZipArchive.Entry storage, long offset, List<Long> shape, List<Long> strides) {
  TorchTensor {
    shape = List.copyOf(shape);
    strides = List.copyOf(strides);
  }

  /** {@link ArithmeticException} where no memory could hold it. */
  long elements() {
    return shape.stream().reduce(1L, Math::multiplyExact);
  }

  int elementBytes() {
    return type.bits() / Byte.SIZE;
  }

  long bytes() {
    return Math.multiplyExact(elements(), (long) elementBytes());
  }

  /** One past the last element of the storage that the view reads. */
  long end() {
    if (elements() == 0) {
      return offset;
    }
    long last = offset;
    for (int i = 0; i < shape.size(); i++) {
      last = Math.addExact(last, Math.multiplyExact(shape.get(i) - 1, strides.get(i)));
    }
    return Math.addExact(last, 1);
  }

  /** The number of trailing elements that lie side by side in the order in which they are written. */
  long run() {
    long run = 1;
    for (int i = shape.size() - 1; i >= 0; i--) {
      if (shape.get(i) != 1 && strides.get(i) != run) {
        break;
      }
      run *= shape.get(i);
    }
    return run;
  }
}
