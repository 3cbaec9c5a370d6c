package org.genarm.checkpoint;

import java.nio.ByteBuffer;

/** Small tensors' values as f32. */
public final class TensorValues {
  private static final float SUBNORMAL = 0x1p-24f;

  private TensorValues() {}

  /** Every value; {@link CheckpointException} unless it is F64, F32, F16 or BF16. */
  public static float[] read(StoredTensor tensor) {
    return read(tensor, 0, Math.toIntExact(tensor.bytes() * Byte.SIZE / tensor.type().bits()));
  }

  /** As {@link #read(StoredTensor)}, of a run of them in row-major order. */
  public static float[] read(StoredTensor tensor, long first, int count) {
    int size = tensor.type().bits() / Byte.SIZE;
    ByteBuffer bytes = tensor.file().read(tensor, first * size, count * size);
    float[] values = new float[count];
    for (int i = 0; i < values.length; i++) {
      values[i] = switch (tensor.type()) {
        case F64 -> (float) bytes.getDouble(i * Double.BYTES);
        case F32 -> bytes.getFloat(i * Float.BYTES);
        case BF16 -> Float.intBitsToFloat(bytes.getShort(i * Short.BYTES) << Short.SIZE);
        case F16 -> half(bytes.getShort(i * Short.BYTES));
        default -> throw new CheckpointException(
            tensor.file().path(), tensor.name(), "F64, F32, F16 or BF16", tensor.describe());
      };
    }
    return values;
  }

  private static float half(short bits) {
    int exponent = bits >> 10 & 0x1f;
    int fraction = bits & 0x3ff;
    float size = exponent == 0
        ? fraction * SUBNORMAL
        : Float.intBitsToFloat((exponent == 0x1f ? 0xff : exponent + 112) << 23 | fraction << 13);
    return bits < 0 ? -size : size;
  }
}
