package org.genarm.binding;

import static org.genarm.binding.door.Genarm.GA_DEVICE_ERROR;
import static org.genarm.binding.door.Genarm.GA_FILE_ERROR;
import static org.genarm.binding.door.Genarm.GA_INVALID_ARGUMENT;
import static org.genarm.binding.door.Genarm.GA_NOT_FINITE;
import static org.genarm.binding.door.Genarm.GA_OUT_OF_MEMORY;
import static org.genarm.binding.door.Genarm.GA_UNSUPPORTED;
import static org.junit.jupiter.api.Assertions.assertEquals;

import org.junit.jupiter.api.Test;

class StatusTest {
  @Test
  void everyStatusHasItsException() {
    assertEquals(IllegalArgumentException.class, NativeLibrary.failure(GA_INVALID_ARGUMENT, "").getClass());
    assertEquals(NativeException.OutOfMemory.class, NativeLibrary.failure(GA_OUT_OF_MEMORY, "").getClass());
    assertEquals(UnsupportedOperationException.class, NativeLibrary.failure(GA_UNSUPPORTED, "").getClass());
    assertEquals(NativeException.class, NativeLibrary.failure(GA_DEVICE_ERROR, "").getClass());
    assertEquals(NativeException.FileError.class, NativeLibrary.failure(GA_FILE_ERROR, "").getClass());
    assertEquals(NativeException.NotFinite.class, NativeLibrary.failure(GA_NOT_FINITE, "").getClass());
  }

  @Test
  void theNativeTextIsTheMessage() {
    assertEquals("so it was", NativeLibrary.failure(GA_DEVICE_ERROR, "so it was").getMessage());
  }
}
