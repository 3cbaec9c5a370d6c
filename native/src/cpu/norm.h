// 1 / sqrt(mean(x^2) + eps): the sum is 16 lanes over 4 accumulators, in a fixed order.
#pragma once

#include "simd.h"

namespace genarm::cpu::GENARM_ISA {
namespace {

GENARM_INLINE float rms_scale(const float* x, int64_t columns, float eps) {
  f32x16 sum[4] = {zero(), zero(), zero(), zero()};
  int64_t k = 0;
  for (; k + 64 <= columns; k += 64) {
    for (int i = 0; i < 4; ++i) {
      const f32x16 v = load(x + k + 16 * i);
      sum[i] = fma(v, v, sum[i]);
    }
  }
  for (; k < columns; k += 16) {
    const f32x16 v = k + 16 <= columns ? load(x + k) : load_partial(x + k, int(columns - k));
    sum[0] = fma(v, v, sum[0]);
  }
  const float squares = reduce_add((sum[0] + sum[1]) + (sum[2] + sum[3]));
  return 1.0f / __builtin_sqrtf(squares / float(columns) + eps);
}

}  // namespace
}  // namespace genarm::cpu::GENARM_ISA
