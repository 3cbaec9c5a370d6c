// 16-bit floating point as stored in checkpoints: IEEE binary16 (f16) and bfloat16 (bf16), scalar conversions.
#pragma once

#include <cstdint>
#include <cstring>

namespace genarm {

inline float bits_to_f32(uint32_t bits) {
  float value;
  memcpy(&value, &bits, 4);
  return value;
}

inline uint32_t f32_to_bits(float value) {
  uint32_t bits;
  memcpy(&bits, &value, 4);
  return bits;
}

inline float bf16_to_f32(uint16_t bits) { return bits_to_f32(uint32_t(bits) << 16); }

inline float f16_to_f32(uint16_t bits) {
  const uint32_t sign = uint32_t(bits & 0x8000) << 16;
  const uint32_t magnitude = bits & 0x7fff;
  if (magnitude >= 0x7c00) return bits_to_f32(sign | 0x7f800000 | (magnitude & 0x3ff) << 13);  // inf, NaN
  if (magnitude >= 0x400) return bits_to_f32(sign | ((magnitude << 13) + 0x38000000));
  return bits_to_f32(sign | f32_to_bits(float(magnitude) * 0x1p-24f));  // subnormal
}

// Rounds to nearest, ties to even; NaN stays NaN.
inline uint16_t f32_to_bf16(float value) {
  const uint32_t bits = f32_to_bits(value);
  if ((bits & 0x7fffffff) > 0x7f800000) return uint16_t(bits >> 16 | 0x40);
  return uint16_t((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

// Rounds to nearest, ties to even; overflow becomes infinity, NaN stays NaN.
inline uint16_t f32_to_f16(float value) {
  const uint32_t bits = f32_to_bits(value);
  const uint16_t sign = uint16_t(bits >> 16 & 0x8000);
  const uint32_t magnitude = bits & 0x7fffffff;
  if (magnitude > 0x7f800000) return uint16_t(sign | 0x7e00);
  if (magnitude >= 0x477ff000) return uint16_t(sign | 0x7c00);  // 65520 and above
  if (magnitude < 0x38800000) {                                  // below 2^-14: subnormal
    // Adding 0.5 leaves the value in units of 2^-24 in the low bits, rounded by the FPU.
    const float shifted = bits_to_f32(magnitude) + 0.5f;
    return uint16_t(sign | (f32_to_bits(shifted) - 0x3f000000));
  }
  return uint16_t(sign | ((magnitude + 0xfff + (magnitude >> 13 & 1)) - 0x38000000) >> 13);
}

}  // namespace genarm
