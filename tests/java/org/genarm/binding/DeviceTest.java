package org.genarm.binding;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;

class DeviceTest {
  @Test
  void theCpusMemoryIsTheMachines() {
    try (Device cpu = Device.open("cpu", 1)) {
      Device.Memory memory = cpu.memory();

      assertTrue(0 < memory.free() && memory.free() <= memory.total(), memory.toString());
    }
  }

  /** Where there is a GPU the count says so; where there is none a sentence does, and opening says the same. */
  @Test
  void noCudaHasAReason() {
    assertEquals(Device.cudaCount() == 0, !Device.whyNoCuda().isEmpty());
    if (Device.cudaCount() == 0) {
      NativeException refused = assertThrows(NativeException.class, () -> Device.open("cuda", 0));
      assertTrue(refused.getMessage().startsWith("device cuda: "), refused.getMessage());
      assertEquals(1, refused.getMessage().lines().count());
    }
  }
}
