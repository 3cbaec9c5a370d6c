package org.genarm.cli.measure;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class ProfilingCostTest {
  @Test
  void turnsAreNestedOneWayAndTheOther() throws Exception {
    StringBuilder order = new StringBuilder();
    ProfilingCost cost = ProfilingCost.measure((profiled, turn) -> {
      order.append(profiled ? 'p' : '-').append(turn);
      return profiled ? 1.02 : 1;
    }, 3, 0);

    assertEquals("p0-0-0p0-1p1p1-1p2-2-2p2", order.toString());
    assertEquals(0.02, cost.median(), 1e-12);
  }

  @Test
  void aMachineThatDriftsOrStumblesDoesNotCount() throws Exception {
    int[] runs = {0};
    ProfilingCost cost = ProfilingCost.measure((profiled, turn) -> {
      double drift = 100 + runs[0]++; // by a third within these turns
      return (turn % 5 == 4 ? 3 * drift : drift) + (profiled ? 1 : 0);
    }, 9, 0);

    assertTrue(cost.median() > 0.006 && cost.median() < 0.011, cost.toString());
  }

  /** 95 %, less what a whole number of turns leaves over. */
  @Test
  void theIntervalHoldsTheTrueMedianAsOftenAsItSays() {
    for (int turns : new int[] {ProfilingCost.LEAST_TURNS, 20, 57}) {
      Random random = new Random(turns);
      int held = 0;
      for (int i = 0; i < 4000; i++) {
        ProfilingCost cost = new ProfilingCost(new ArrayList<>(
            IntStream.range(0, turns).mapToObj(turn -> Math.exp(random.nextGaussian()) - 1).toList()));
        held += cost.low() <= 0 && 0 <= cost.high() ? 1 : 0;
        assertTrue(cost.low() <= cost.median() && cost.median() <= cost.high());
      }
      assertTrue(held > 0.94 * 4000 && held < 0.985 * 4000, turns + " turns: " + held);
    }
  }

  @Test
  void sixTurnsAreAllWithinTheInterval() {
    ProfilingCost cost = new ProfilingCost(List.of(6.0, 2.0, 3.0, 4.0, 5.0, 1.0));

    assertEquals(List.of(1.0, 3.5, 6.0), List.of(cost.low(), cost.median(), cost.high()));
  }
}
