// The arithmetic of quantised weights, the same on every device: 32 columns of a row share an f16 scale,
// w = scale * (number - middle), middle 128 of 8 bits, 8 of 4 bits.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>

#include "half.h"

namespace genarm {

constexpr int kQuantBlock = 32;

inline bool can_be_quantised(const float (&x)[kQuantBlock]) {
  constexpr float kLargest = 8 * 65504.0f;  // its int4 scale is the largest f16
  for (float v : x)
    if (!(std::fabs(v) <= kLargest)) return false;
  return true;
}

// Q8_0: s = max |x| / 127, u = round(x / s) + 128. Q4_0: s = x / -8 for the x of largest magnitude, which so becomes
// the number 0, u = floor(x / s + 8.5), at most 15. Numbers are divided by the scale before it is rounded to f16.
// Returns the scale.
inline uint16_t quantise_block(const float (&x)[kQuantBlock], int32_t bits, int (&u)[kQuantBlock]) {
  float largest = 0;
  for (float v : x) largest = std::fabs(v) > std::fabs(largest) ? v : largest;
  const float scale = bits == 8 ? std::fabs(largest) / 127 : largest / -8;
  const uint16_t stored = f32_to_f16(scale);
  const float inverse = (stored & 0x7fff) != 0 ? 1 / scale : 0;  // beside a scale of zero no number counts
  for (int k = 0; k < kQuantBlock; ++k) {
    const float y = x[k] * inverse;
    u[k] = bits == 8 ? int(std::round(y)) + 128 : std::min(15, int(y + 8.5f));
  }
  return stored;
}

}  // namespace genarm
