package org.genarm.checkpoint;

import java.util.List;

/**
 * Where a tensor lies in a safetensors file.
 *
 * @param file the open file
 * @param shape row-major; empty for a scalar
 * @param offset of the first byte, from the start of the file
 * @param bytes shape times type, checked to lie in the file
 */
public record StoredTensor(
    Safetensors file, String name, TensorType type, List<Long> shape, long offset, long bytes) {
  public StoredTensor {
    shape = List.copyOf(shape);
  }

  public long[] dimensions() {
    return shape.stream().mapToLong(Long::longValue).toArray();
  }

  /** Type and shape as a message shows them: "BF16 [64, 160]". */
  public String describe() {
    return type + " " + shape;
  }
}
