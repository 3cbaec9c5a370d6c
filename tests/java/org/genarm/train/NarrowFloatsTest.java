package org.genarm.train;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import java.nio.ByteBuffer;
import org.genarm.checkpoint.TensorType;
import org.junit.jupiter.api.Test;

/** Words as torch writes them. */
class NarrowFloatsTest {
  @Test
  void bf16RoundsToNearestEven() {
    assertEquals(0x3f80, NarrowFloats.bf16(1));
    assertEquals(0x3f80, NarrowFloats.bf16(1 + 0x1p-8f));
    assertEquals(0x3f82, NarrowFloats.bf16(1 + 3 * 0x1p-8f));
    assertEquals(0x3f81, NarrowFloats.bf16(1 + 0x1p-8f + 0x1p-20f));
    assertEquals((short) 0xc049, NarrowFloats.bf16(-(float) Math.PI));
    assertEquals(0x7f80, NarrowFloats.bf16(Float.MAX_VALUE));
  }

  @Test
  void f16RoundsToNearestEven() {
    assertEquals(0x3c00, NarrowFloats.f16(1));
    assertEquals(0x3c00, NarrowFloats.f16(1 + 0x1p-11f));
    assertEquals(0x3c02, NarrowFloats.f16(1 + 3 * 0x1p-11f));
    assertEquals((short) 0xc248, NarrowFloats.f16(-(float) Math.PI));
    assertEquals(0x7bff, NarrowFloats.f16(65504));
    assertEquals(0x7c00, NarrowFloats.f16(65520));
    assertEquals(0x0001, NarrowFloats.f16(0x1p-24f));
    assertEquals(0x0400, NarrowFloats.f16(0x1p-14f));
    assertEquals((short) 0x8000, NarrowFloats.f16(-0.0f));
  }

  @Test
  void bytesAreLittleEndian() {
    ByteBuffer bytes = NarrowFloats.bytes(new float[] {1, -2}, TensorType.BF16);

    byte[] found = new byte[bytes.remaining()];
    bytes.get(found);
    assertArrayEquals(new byte[] {(byte) 0x80, 0x3f, 0, (byte) 0xc0}, found);
  }
}
