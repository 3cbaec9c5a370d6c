package org.genarm.checkpoint;

/** Types that a safetensors file may name, and the bits of one element. */
public enum TensorType {
  BOOL(8),
  U8(8),
  I8(8),
  U16(16),
  I16(16),
  U32(32),
  I32(32),
  U64(64),
  I64(64),
  F4(4),
  F6_E2M3(6),
  F6_E3M2(6),
  F8_E5M2(8),
  F8_E4M3(8),
  F8_E8M0(8),
  F16(16),
  BF16(16),
  F32(32),
  F64(64),
  C64(64);

  private final int bits;

  TensorType(int bits) {
    this.bits = bits;
  }

  public int bits() {
    return bits;
  }

  /** The type of that name, or null. */
  static TensorType named(String name) {
    for (TensorType type : values()) {
      if (type.name().equals(name)) {
        return type;
      }
    }
    return null;
  }
}
