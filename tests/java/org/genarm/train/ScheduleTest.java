package org.genarm.train;

import static org.junit.jupiter.api.Assertions.assertEquals;

import org.junit.jupiter.api.Test;

/** Values of transformers' get_{constant,linear,cosine}_schedule_with_warmup at 10 steps, 4 of them warm-up. */
class ScheduleTest {
  private static final double CLOSE = 1e-12;

  @Test
  void everyScheduleWarmsUpFromZero() {
    for (Schedule schedule : Schedule.values()) {
      assertEquals(0, schedule.factor(0, 10, 4), CLOSE);
      assertEquals(0.75, schedule.factor(3, 10, 4), CLOSE);
      assertEquals(1, schedule.factor(4, 10, 4), CLOSE);
    }
  }

  @Test
  void whatFollowsIsTheSchedules() {
    assertEquals(1, Schedule.CONSTANT.factor(9, 10, 4), CLOSE);
    assertEquals(0.5, Schedule.LINEAR.factor(7, 10, 4), CLOSE);
    assertEquals(1 / 6.0, Schedule.LINEAR.factor(9, 10, 4), CLOSE);
    assertEquals(0.5, Schedule.COSINE.factor(7, 10, 4), CLOSE);
    assertEquals(0.0669872981077807, Schedule.COSINE.factor(9, 10, 4), CLOSE);
  }

  @Test
  void withoutWarmUpTheFirstStepHasTheWholeRate() {
    for (Schedule schedule : Schedule.values()) {
      assertEquals(1, schedule.factor(0, 10, 0), CLOSE);
    }
  }
}
