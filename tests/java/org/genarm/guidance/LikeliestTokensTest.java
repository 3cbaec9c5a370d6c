package org.genarm.guidance;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;

import org.junit.jupiter.api.Test;

class LikeliestTokensTest {
  private static final float[] LAW = {-3, -1, Float.NEGATIVE_INFINITY, -1, -0.5f, -7, -2};

  @Test
  void theyComeInFallingOrderTheLowerIdFirstOnTies() {
    assertArrayEquals(new int[] {4, 1, 3, 6}, LikeliestTokens.of(LAW, 4));
  }

  @Test
  void aTieAtTheEndKeepsTheLowerId() {
    assertArrayEquals(new int[] {4, 1}, LikeliestTokens.of(LAW, 2));
  }

  @Test
  void noneAndMoreThanThereAreAreGiven() {
    assertArrayEquals(new int[0], LikeliestTokens.of(LAW, 0));
    assertArrayEquals(new int[] {4, 1, 3, 6, 0, 5, 2}, LikeliestTokens.of(LAW, 20));
  }
}
