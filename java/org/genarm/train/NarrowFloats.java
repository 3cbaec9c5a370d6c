package org.genarm.train;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import org.genarm.checkpoint.TensorType;

/** f32 values as a checkpoint stores them, rounded to nearest, ties to even. */
final class NarrowFloats {
  private static final int F32_MANTISSA = 23;
  private static final int F16_MANTISSA = 10;
  private static final int EXPONENT_SHIFT = 127 - 15;
  private static final float SMALLEST_NORMAL_F16 = 0x1p-14f;
  private static final int INFINITE_F16 = 0x7c00;

  private NarrowFloats() {}

  /** Little-endian. */
  static ByteBuffer bytes(float[] values, TensorType type) {
    int width = type.bits() / Byte.SIZE;
    ByteBuffer out = ByteBuffer.allocate(Math.multiplyExact(values.length, width)).order(ByteOrder.LITTLE_ENDIAN);
    for (float value : values) {
      switch (type) {
        case F32 -> out.putFloat(value);
        case BF16 -> out.putShort(bf16(value));
        case F16 -> out.putShort(f16(value));
        default -> throw new IllegalArgumentException("weights are F32, BF16 or F16, not " + type);
      }
    }
    return out.flip();
  }

  static short bf16(float value) {
    int bits = Float.floatToRawIntBits(value);
    return (short) (Float.isNaN(value) ? bits >>> Short.SIZE | 1 : rounded(bits, Short.SIZE));
  }

  static short f16(float value) {
    int sign = Float.floatToRawIntBits(value) >>> Short.SIZE & 0x8000;
    float magnitude = Math.abs(value);
    if (Float.isNaN(value)) {
      return (short) (sign | INFINITE_F16 | 1);
    }
    if (magnitude < SMALLEST_NORMAL_F16) {
      return (short) (sign | (int) Math.rint(magnitude * 0x1p24));
    }
    int moved = Float.floatToRawIntBits(magnitude) - (EXPONENT_SHIFT << F32_MANTISSA);
    return (short) (sign | Math.min(rounded(moved, F32_MANTISSA - F16_MANTISSA), INFINITE_F16));
  }

  private static int rounded(int bits, int dropped) {
    int odd = bits >>> dropped & 1;
    return bits + (1 << dropped - 1) - 1 + odd >>> dropped;
  }
}
