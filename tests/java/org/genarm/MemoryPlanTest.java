package org.genarm;

import static org.junit.jupiter.api.Assertions.assertDoesNotThrow;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Path;
import java.util.List;
import org.genarm.binding.Device;
import org.genarm.binding.Dtype;
import org.genarm.binding.NativeException;
import org.junit.jupiter.api.Test;

class MemoryPlanTest {
  private static final Path BASE = Path.of("models/demo-base");
  private static final Path ADAPTER = Path.of("models/demo-arm-positive");
  private static final Path MODEL = Path.of("models/demo-arm-plain");
  private static final long WORKING = 768L << 20;
  private static final long KV = 100L << 20;

  private static MemoryPlan plan() {
    MemoryPlan plan = new MemoryPlan(KV);
    plan.add("base", BASE, null, Dtype.F32);
    plan.add("positive", ADAPTER, BASE, Dtype.F32);
    plan.add("plain", MODEL, BASE, null);
    return plan;
  }

  /** The least memory that is not refused, by halving. */
  private static long least(MemoryPlan plan) {
    long low = 0;
    long high = 16L << 30;
    while (high - low > 1) {
      long middle = (low + high) / 2;
      try {
        plan.require(new Device.Memory(middle, high), "cuda:0");
        high = middle;
      } catch (NativeException.OutOfMemory refused) {
        low = middle;
      }
    }
    return high;
  }

  private static long weights(MemoryPlan plan) {
    return least(plan) - KV - WORKING;
  }

  @Test
  void aWeightSetThatSeveralViewsShareCountsOnce() {
    MemoryPlan alone = new MemoryPlan(KV);
    alone.add("base", BASE, null, Dtype.F32);
    MemoryPlan shared = new MemoryPlan(KV);
    shared.add("base", BASE, null, Dtype.F32);
    shared.add("same", BASE, BASE, Dtype.F32);
    MemoryPlan apart = new MemoryPlan(KV);
    apart.add("base", BASE, null, Dtype.F32);
    apart.add("same", BASE, BASE, Dtype.INT8);

    assertTrue(weights(alone) > 0);
    assertEquals(weights(alone), weights(shared));
    assertTrue(weights(apart) > weights(alone) && weights(apart) < 2 * weights(alone));
  }

  @Test
  void aDeviceThatIsTooSmallIsToldWhatFits() {
    NativeException.OutOfMemory refused = assertThrows(NativeException.OutOfMemory.class,
        () -> plan().require(new Device.Memory(WORKING + KV, 2 * WORKING), "cuda:0"));

    List<String> lines = refused.getMessage().lines().map(String::strip).toList();
    assertTrue(lines.get(0).matches("cuda:0 has 0\\.85 GiB free, the models need 0\\.8\\d GiB:"), lines.get(0));
    assertTrue(lines.get(1).startsWith("base (f32) 0.0"), lines.get(1));
    assertTrue(lines.get(2).startsWith("positive (f32) 0.00 GiB;"), lines.get(2));
    assertTrue(lines.get(3).startsWith("plain (as stored) 0.0"), lines.get(3));
    assertEquals("keys and values 0.10 GiB;", lines.get(4));
    assertEquals("working memory 0.75 GiB;", lines.get(5));
    assertTrue(lines.get(6).matches("the base bf16: 0\\.8\\d GiB, does not fit;"), lines.get(6));
    assertTrue(lines.get(7).matches("all weights bf16: 0\\.8\\d GiB, does not fit;"), lines.get(7));
  }

  /** A reward model of its own beside a base that alone is quantised. */
  @Test
  void aSmallerBaseFitsWhereAllDoNot() {
    long needed = least(plan());

    NativeException.OutOfMemory refused = assertThrows(NativeException.OutOfMemory.class,
        () -> plan().require(new Device.Memory(needed - 1, 2 * needed), "cuda:0"));

    assertTrue(refused.getMessage().matches("(?s).*\n  the base int4: 0\\.8\\d GiB, fits;\n  all weights int4: .*"),
        refused.getMessage());
  }

  @Test
  void whatFitsIsNotRefused() {
    assertDoesNotThrow(() -> plan().require(new Device.Memory(1L << 30, 1L << 30), "cuda:0"));
  }
}
