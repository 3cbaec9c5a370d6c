// Bytes and integer dot products of sixteen lanes: what quantised weights add to simd.h, with the same promise, the
// same bits on every instruction set.
#pragma once

#include "simd.h"

namespace genarm::cpu::GENARM_ISA {
namespace {

// acc[i] + the sum over the four bytes of lane i of w (unsigned) * x (signed, -127 ... 127). `bits`: of the largest w.
// load_bytes: 16 unsigned bytes. store_bytes: the low bytes of 16 lanes.
#if defined(__AVX512F__)

template <int bits>
GENARM_INLINE i32x16 dot(i32x16 acc, i32x16 w, i32x16 x) {
#if defined(__AVX512VNNI__)
  return {_mm512_dpbusd_epi32(acc.v, w.v, x.v)};
#else
  if constexpr (bits <= 7) {  // 2 * 127 * 127 stays in 16 bits
    const __m512i pairs = _mm512_maddubs_epi16(w.v, x.v);
    return {_mm512_add_epi32(acc.v, _mm512_madd_epi16(pairs, _mm512_set1_epi16(1)))};
  }
  const __m512i even = _mm512_madd_epi16(_mm512_and_si512(w.v, _mm512_set1_epi16(0xff)),
                                         _mm512_srai_epi16(_mm512_slli_epi16(x.v, 8), 8));
  const __m512i odd = _mm512_madd_epi16(_mm512_srli_epi16(w.v, 8), _mm512_srai_epi16(x.v, 8));
  return {_mm512_add_epi32(acc.v, _mm512_add_epi32(even, odd))};
#endif
}
GENARM_INLINE i32x16 load_bytes(const uint8_t* p) {
  return {_mm512_cvtepu8_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)))};
}
GENARM_INLINE void store_bytes(int8_t* p, i32x16 a) {
  _mm_storeu_si128(reinterpret_cast<__m128i*>(p), _mm512_cvtepi32_epi8(a.v));
}

#elif defined(__AVX2__)

template <int bits>
GENARM_INLINE __m256i dot(__m256i acc, __m256i w, __m256i x) {
  if constexpr (bits <= 7) {
    const __m256i pairs = _mm256_maddubs_epi16(w, x);
    return _mm256_add_epi32(acc, _mm256_madd_epi16(pairs, _mm256_set1_epi16(1)));
  }
  const __m256i even = _mm256_madd_epi16(_mm256_and_si256(w, _mm256_set1_epi16(0xff)),
                                         _mm256_srai_epi16(_mm256_slli_epi16(x, 8), 8));
  const __m256i odd = _mm256_madd_epi16(_mm256_srli_epi16(w, 8), _mm256_srai_epi16(x, 8));
  return _mm256_add_epi32(acc, _mm256_add_epi32(even, odd));
}
template <int bits>
GENARM_INLINE i32x16 dot(i32x16 acc, i32x16 w, i32x16 x) {
  return {dot<bits>(acc.lo, w.lo, x.lo), dot<bits>(acc.hi, w.hi, x.hi)};
}
GENARM_INLINE i32x16 load_bytes(const uint8_t* p) {
  return {_mm256_cvtepu8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(p))),
          _mm256_cvtepu8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(p + 8)))};
}
GENARM_INLINE void store_bytes(int8_t* p, i32x16 a) {
  int32_t lanes[16];
  store(lanes, a);
  for (int i = 0; i < 16; ++i) p[i] = int8_t(lanes[i]);
}

#else

template <int bits>
GENARM_INLINE i32x16 dot(i32x16 acc, i32x16 w, i32x16 x) {
  for (int i = 0; i < 16; ++i) {
    uint8_t a[4];
    int8_t b[4];
    memcpy(a, w.v + i, 4);
    memcpy(b, x.v + i, 4);
    for (int j = 0; j < 4; ++j) acc.v[i] += int32_t(a[j]) * b[j];
  }
  return acc;
}
GENARM_INLINE i32x16 load_bytes(const uint8_t* p) {
  i32x16 out;
  for (int i = 0; i < 16; ++i) out.v[i] = p[i];
  return out;
}
GENARM_INLINE void store_bytes(int8_t* p, i32x16 a) {
  for (int i = 0; i < 16; ++i) p[i] = int8_t(a.v[i]);
}

#endif

}  // namespace
}  // namespace genarm::cpu::GENARM_ISA
