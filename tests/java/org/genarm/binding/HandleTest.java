package org.genarm.binding;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.util.ArrayList;
import java.util.List;
import org.bytedeco.javacpp.Pointer;
import org.junit.jupiter.api.Test;

class HandleTest {
  private final List<String> released = new ArrayList<>();

  @Test
  void closingTwiceReleasesOnce() {
    Handle<Pointer> device = handle("device");

    device.close();
    device.close();

    assertEquals(List.of("device"), released);
  }

  @Test
  void whatIsBuiltOnIsReleasedLast() {
    Handle<Pointer> device = handle("device");
    Handle<Pointer> weights = handle("weights", device);
    Handle<Pointer> engine = handle("engine", device);
    engine.buildOn(weights);

    device.close();
    weights.close();
    engine.close();

    assertEquals(List.of("engine", "weights", "device"), released);
  }

  @Test
  void useAfterCloseIsRefusedEvenWhileOthersHoldIt() {
    Handle<Pointer> device = handle("device");
    Handle<Pointer> weights = handle("weights", device);

    device.close();
    var thrown = assertThrows(IllegalStateException.class, device::pointer);

    assertEquals("device is closed", thrown.getMessage());
    weights.close();
  }

  private Handle<Pointer> handle(String name, Handle<?>... foundations) {
    return new Handle<>(name, null, pointer -> released.add(name), foundations);
  }
}
