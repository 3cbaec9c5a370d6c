package org.genarm.train;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import java.util.Arrays;
import java.util.stream.IntStream;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;

class BatchOrderTest {
  @Test
  void withoutShufflingPairsComeInTheirOrder() {
    BatchOrder order = new BatchOrder(5, 2, false, 0);

    assertArrayEquals(new int[] {0, 1}, order.batch(0));
    assertArrayEquals(new int[] {4}, order.batch(2));
    assertArrayEquals(new int[] {0, 1}, order.batch(3));
  }

  @Test
  void aBatchLargerThanTheDataIsTheData() {
    assertArrayEquals(new int[] {0, 1, 2}, new BatchOrder(3, 32, false, 0).batch(7));
  }

  @Test
  void everyEpochHasEveryPairOnceInItsOwnOrder() {
    int[] first = epoch(new BatchOrder(101, 8, true, 3), 0);
    int[] second = epoch(new BatchOrder(101, 8, true, 3), 1);

    assertFalse(Arrays.equals(first, second));
    assertArrayEquals(IntStream.range(0, 101).toArray(), Arrays.stream(first).sorted().toArray());
    assertArrayEquals(IntStream.range(0, 101).toArray(), Arrays.stream(second).sorted().toArray());
  }

  @Test
  void theOrderDependsOnSeedAndStepAlone() {
    BatchOrder wandering = new BatchOrder(101, 8, true, 3);
    wandering.batch(40);

    assertArrayEquals(new BatchOrder(101, 8, true, 3).batch(5), wandering.batch(5));
    assertFalse(Arrays.equals(new BatchOrder(101, 8, true, 4).batch(5), wandering.batch(5)));
  }

  private static int[] epoch(BatchOrder order, int number) {
    return LongStream.range(0, 13)
        .mapToObj(step -> order.batch(13L * number + step))
        .flatMapToInt(Arrays::stream)
        .toArray();
  }
}
