package org.genarm.train;

import static org.junit.jupiter.api.Assertions.assertDoesNotThrow;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Random;
import org.junit.jupiter.api.Test;

class DivergenceWatchTest {
  private final DivergenceWatch watch = new DivergenceWatch(3, 32);

  @Test
  void aLossThreeTimesItsBestIsTold() {
    hear(30, 1);
    hear(10, 4);  // averages 2.5

    var diverged = assertThrows(DivergedException.class, () -> hear(1, 12));

    assertEquals(
        "the loss is 12.00 and averages 3.050 over 20 steps, where its best was 1.000 and the limit is 3.000"
            + " (--divergence-factor 3.0)",
        diverged.getMessage());
  }

  @Test
  void aRateThatIsWildFromTheFirstUpdateIsMeasuredByTheFirstPairs() {
    hear(1, 0.9);

    assertThrows(DivergedException.class, () -> hear(19, 40));
  }

  @Test
  void aLossNearZeroMayRiseAgain() {
    hear(50, 1e-4);

    assertDoesNotThrow(() -> hear(50, 3 * Math.log(2) - 0.01));
  }

  @Test
  void lossesOfSinglePairsMayLeap() {
    Random random = new Random(5);
    DivergenceWatch single = new DivergenceWatch(3, 1);

    for (int i = 0; i < 10_000; i++) {  // most pairs are known, one in ten costs 20
      single.step(random.nextInt(10) == 0 ? 20 * random.nextDouble() : 0.1, random.nextDouble());
    }
  }

  @Test
  void gradientsThatExplodeAreToldThoughTheLossIsNot() {
    for (int i = 0; i < 10; i++) {
      watch.step(0.7, 2);
    }
    for (int i = 0; i < 4; i++) {
      watch.step(0.7, 1e4);
    }

    var diverged = assertThrows(DivergedException.class, () -> watch.step(0.8, 3e4));

    assertEquals(
        "the gradient's norm is 3.000e+04, the last of 5 above 1000 times its median of 2.000; the loss is 0.8000,"
            + " its best was 0.7000",
        diverged.getMessage());
  }

  @Test
  void singleGradientsMayLeap() {
    for (int i = 0; i < 1000; i++) {
      watch.step(0.7, i % 5 == 0 ? 2 : 1e5);
    }
  }

  @Test
  void aStateIsKeptOnlyWhereNothingHintsAtDivergence() {
    hear(1, 0.9);
    assertTrue(watch.calm());
    hear(1, 10);
    assertFalse(watch.calm());
    hear(5, 0.9);
    assertFalse(watch.calm());
    hear(20, 0.9);
    assertTrue(watch.calm());

    watch.step(0.9, 1e6);

    assertFalse(watch.calm());
  }

  @Test
  void itCanBeSwitchedOff() {
    DivergenceWatch off = new DivergenceWatch(0, 32);

    for (int i = 0; i < 100; i++) {
      off.step(i, 1e9 * i);
    }

    assertTrue(off.calm());
  }

  private void hear(int steps, double loss) {
    for (int i = 0; i < steps; i++) {
      watch.step(loss, 1);
    }
  }
}
