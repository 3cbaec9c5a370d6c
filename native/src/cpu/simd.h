// Sixteen f32 or i32 lanes on every instruction set: one __m512, two __m256, or an array. The only intrinsics of
// the CPU backend are here. Every function does the same operations in the same order on each of them, so that a
// kernel written on top gives the same bits on every machine.
//
// Files compiled for an instruction set keep everything in namespace genarm::cpu::GENARM_ISA and in anonymous
// namespaces, and call no inline function of the standard library: the linker would keep one copy of it for
// all, perhaps the one that an older machine cannot run.
#pragma once

#include <stdint.h>
#include <string.h>

#if defined(__AVX2__)
#include <immintrin.h>
#endif

#define GENARM_INLINE inline __attribute__((always_inline))
#if defined(GENARM_SANITIZED)
#define GENARM_UNROLL  // checks on every unrolled access take the compiler minutes a file
#else
#define GENARM_UNROLL _Pragma("GCC unroll 64")
#endif

namespace genarm::cpu::GENARM_ISA {
namespace {

#if defined(__AVX512F__)

constexpr int kMaxRows = 12;  // rows of a tile: 24 accumulators, two lines of weights, six registers to spare
struct f32x16 { __m512 v; };
struct i32x16 { __m512i v; };
struct mask16 { __mmask16 v; };

GENARM_INLINE f32x16 broadcast(float x) { return {_mm512_set1_ps(x)}; }
GENARM_INLINE i32x16 broadcast(int32_t x) { return {_mm512_set1_epi32(x)}; }
GENARM_INLINE f32x16 load(const float* p) { return {_mm512_loadu_ps(p)}; }
GENARM_INLINE i32x16 load(const int32_t* p) { return {_mm512_loadu_si512(p)}; }
GENARM_INLINE void store(float* p, f32x16 a) { _mm512_storeu_ps(p, a.v); }
GENARM_INLINE void store(int32_t* p, i32x16 a) { _mm512_storeu_si512(p, a.v); }
GENARM_INLINE mask16 first_lanes(int n) { return {__mmask16((1u << n) - 1)}; }
GENARM_INLINE f32x16 load_partial(const float* p, int n) { return {_mm512_maskz_loadu_ps(first_lanes(n).v, p)}; }
GENARM_INLINE void store_partial(float* p, f32x16 a, int n) { _mm512_mask_storeu_ps(p, first_lanes(n).v, a.v); }

GENARM_INLINE f32x16 operator+(f32x16 a, f32x16 b) { return {_mm512_add_ps(a.v, b.v)}; }
GENARM_INLINE f32x16 operator-(f32x16 a, f32x16 b) { return {_mm512_sub_ps(a.v, b.v)}; }
GENARM_INLINE f32x16 operator*(f32x16 a, f32x16 b) { return {_mm512_mul_ps(a.v, b.v)}; }
GENARM_INLINE f32x16 operator/(f32x16 a, f32x16 b) { return {_mm512_div_ps(a.v, b.v)}; }
GENARM_INLINE f32x16 sqrt(f32x16 a) { return {_mm512_sqrt_ps(a.v)}; }
GENARM_INLINE f32x16 fma(f32x16 a, f32x16 b, f32x16 c) { return {_mm512_fmadd_ps(a.v, b.v, c.v)}; }
// a > b ? a : b, so a NaN in either gives b.
GENARM_INLINE f32x16 maximum(f32x16 a, f32x16 b) { return {_mm512_max_ps(a.v, b.v)}; }
GENARM_INLINE f32x16 minimum(f32x16 a, f32x16 b) { return {_mm512_min_ps(a.v, b.v)}; }
GENARM_INLINE mask16 operator<(f32x16 a, f32x16 b) { return {_mm512_cmp_ps_mask(a.v, b.v, _CMP_LT_OQ)}; }
GENARM_INLINE mask16 operator<=(f32x16 a, f32x16 b) { return {_mm512_cmp_ps_mask(a.v, b.v, _CMP_LE_OQ)}; }
GENARM_INLINE mask16 operator<(i32x16 a, i32x16 b) { return {_mm512_cmplt_epi32_mask(a.v, b.v)}; }
GENARM_INLINE mask16 operator&(mask16 a, mask16 b) { return {__mmask16(a.v & b.v)}; }
GENARM_INLINE uint32_t bits(mask16 a) { return a.v; }
GENARM_INLINE f32x16 select(mask16 m, f32x16 a, f32x16 b) { return {_mm512_mask_blend_ps(m.v, b.v, a.v)}; }
GENARM_INLINE i32x16 select(mask16 m, i32x16 a, i32x16 b) { return {_mm512_mask_blend_epi32(m.v, b.v, a.v)}; }
GENARM_INLINE f32x16 to_float(i32x16 a) { return {_mm512_cvtepi32_ps(a.v)}; }
GENARM_INLINE i32x16 to_int(f32x16 a) { return {_mm512_cvtps_epi32(a.v)}; }  // to nearest, ties to even; |a| < 2^22
GENARM_INLINE i32x16 as_int(f32x16 a) { return {_mm512_castps_si512(a.v)}; }
GENARM_INLINE f32x16 as_float(i32x16 a) { return {_mm512_castsi512_ps(a.v)}; }
GENARM_INLINE i32x16 operator+(i32x16 a, i32x16 b) { return {_mm512_add_epi32(a.v, b.v)}; }
GENARM_INLINE i32x16 operator-(i32x16 a, i32x16 b) { return {_mm512_sub_epi32(a.v, b.v)}; }
GENARM_INLINE i32x16 operator&(i32x16 a, i32x16 b) { return {_mm512_and_si512(a.v, b.v)}; }
GENARM_INLINE i32x16 operator^(i32x16 a, i32x16 b) { return {_mm512_xor_si512(a.v, b.v)}; }
template <int n> GENARM_INLINE i32x16 shift_left(i32x16 a) { return {_mm512_slli_epi32(a.v, n)}; }
template <int n> GENARM_INLINE i32x16 shift_right(i32x16 a) { return {_mm512_srai_epi32(a.v, n)}; }  // arithmetic

// 32 x 32 -> 64 bits, unsigned.
GENARM_INLINE void multiply_wide(i32x16 a, i32x16 b, i32x16& high, i32x16& low) {
  const __m512i even = _mm512_mul_epu32(a.v, b.v);
  const __m512i odd = _mm512_mul_epu32(_mm512_srli_epi64(a.v, 32), b.v);  // b is the same in every lane
  high = {_mm512_mask_mov_epi32(_mm512_srli_epi64(even, 32), 0xAAAA, odd)};
  low = {_mm512_mask_mov_epi32(even, 0xAAAA, _mm512_slli_epi64(odd, 32))};
}

// Transposes the 4 x 4 matrix in each 128-bit part of four vectors.
GENARM_INLINE void transpose_parts(i32x16 (&a)[4]) {
  const __m512i t0 = _mm512_unpacklo_epi32(a[0].v, a[1].v), t1 = _mm512_unpackhi_epi32(a[0].v, a[1].v);
  const __m512i t2 = _mm512_unpacklo_epi32(a[2].v, a[3].v), t3 = _mm512_unpackhi_epi32(a[2].v, a[3].v);
  a[0] = {_mm512_unpacklo_epi64(t0, t2)};
  a[1] = {_mm512_unpackhi_epi64(t0, t2)};
  a[2] = {_mm512_unpacklo_epi64(t1, t3)};
  a[3] = {_mm512_unpackhi_epi64(t1, t3)};
}

GENARM_INLINE f32x16 load_f16(const uint16_t* p) {
  return {_mm512_cvtph_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)))};
}
// Sixteen pairs of bf16: the even and the odd members.
GENARM_INLINE void load_bf16_pairs(const void* p, f32x16& even, f32x16& odd) {
  const __m512i line = _mm512_loadu_si512(p);
  even = {_mm512_castsi512_ps(_mm512_slli_epi32(line, 16))};
  odd = {_mm512_castsi512_ps(_mm512_and_si512(line, _mm512_set1_epi32(int(0xffff0000u))))};
}

struct f32x8 { __m256 v; };
GENARM_INLINE f32x8 low_half(f32x16 a) { return {_mm512_castps512_ps256(a.v)}; }
GENARM_INLINE f32x8 high_half(f32x16 a) { return {_mm512_extractf32x8_ps(a.v, 1)}; }

#elif defined(__AVX2__)

constexpr int kMaxRows = 3;  // rows of a tile: 12 accumulators of 16 registers
struct f32x16 { __m256 lo, hi; };
struct i32x16 { __m256i lo, hi; };
struct mask16 { __m256i lo, hi; };

GENARM_INLINE f32x16 broadcast(float x) { return {_mm256_set1_ps(x), _mm256_set1_ps(x)}; }
GENARM_INLINE i32x16 broadcast(int32_t x) { return {_mm256_set1_epi32(x), _mm256_set1_epi32(x)}; }
GENARM_INLINE f32x16 load(const float* p) { return {_mm256_loadu_ps(p), _mm256_loadu_ps(p + 8)}; }
GENARM_INLINE __m256i load_si(const void* p) { return _mm256_loadu_si256(static_cast<const __m256i*>(p)); }
GENARM_INLINE i32x16 load(const int32_t* p) { return {load_si(p), load_si(p + 8)}; }
GENARM_INLINE void store(float* p, f32x16 a) {
  _mm256_storeu_ps(p, a.lo);
  _mm256_storeu_ps(p + 8, a.hi);
}
GENARM_INLINE void store(int32_t* p, i32x16 a) {
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), a.lo);
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(p + 8), a.hi);
}
GENARM_INLINE mask16 first_lanes(int n) {
  const __m256i count = _mm256_set1_epi32(n);
  return {_mm256_cmpgt_epi32(count, _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7)),
          _mm256_cmpgt_epi32(count, _mm256_setr_epi32(8, 9, 10, 11, 12, 13, 14, 15))};
}
GENARM_INLINE f32x16 load_partial(const float* p, int n) {
  const mask16 m = first_lanes(n);
  return {_mm256_maskload_ps(p, m.lo), n > 8 ? _mm256_maskload_ps(p + 8, m.hi) : _mm256_setzero_ps()};
}
GENARM_INLINE void store_partial(float* p, f32x16 a, int n) {
  const mask16 m = first_lanes(n);
  _mm256_maskstore_ps(p, m.lo, a.lo);
  if (n > 8) _mm256_maskstore_ps(p + 8, m.hi, a.hi);
}

GENARM_INLINE f32x16 operator+(f32x16 a, f32x16 b) { return {_mm256_add_ps(a.lo, b.lo), _mm256_add_ps(a.hi, b.hi)}; }
GENARM_INLINE f32x16 operator-(f32x16 a, f32x16 b) { return {_mm256_sub_ps(a.lo, b.lo), _mm256_sub_ps(a.hi, b.hi)}; }
GENARM_INLINE f32x16 operator*(f32x16 a, f32x16 b) { return {_mm256_mul_ps(a.lo, b.lo), _mm256_mul_ps(a.hi, b.hi)}; }
GENARM_INLINE f32x16 operator/(f32x16 a, f32x16 b) { return {_mm256_div_ps(a.lo, b.lo), _mm256_div_ps(a.hi, b.hi)}; }
GENARM_INLINE f32x16 sqrt(f32x16 a) { return {_mm256_sqrt_ps(a.lo), _mm256_sqrt_ps(a.hi)}; }
GENARM_INLINE f32x16 fma(f32x16 a, f32x16 b, f32x16 c) {
  return {_mm256_fmadd_ps(a.lo, b.lo, c.lo), _mm256_fmadd_ps(a.hi, b.hi, c.hi)};
}
GENARM_INLINE f32x16 maximum(f32x16 a, f32x16 b) { return {_mm256_max_ps(a.lo, b.lo), _mm256_max_ps(a.hi, b.hi)}; }
GENARM_INLINE f32x16 minimum(f32x16 a, f32x16 b) { return {_mm256_min_ps(a.lo, b.lo), _mm256_min_ps(a.hi, b.hi)}; }
template <int kind> GENARM_INLINE mask16 compare(f32x16 a, f32x16 b) {
  return {_mm256_castps_si256(_mm256_cmp_ps(a.lo, b.lo, kind)), _mm256_castps_si256(_mm256_cmp_ps(a.hi, b.hi, kind))};
}
GENARM_INLINE mask16 operator<(f32x16 a, f32x16 b) { return compare<_CMP_LT_OQ>(a, b); }
GENARM_INLINE mask16 operator<=(f32x16 a, f32x16 b) { return compare<_CMP_LE_OQ>(a, b); }
GENARM_INLINE mask16 operator<(i32x16 a, i32x16 b) {
  return {_mm256_cmpgt_epi32(b.lo, a.lo), _mm256_cmpgt_epi32(b.hi, a.hi)};
}
GENARM_INLINE mask16 operator&(mask16 a, mask16 b) {
  return {_mm256_and_si256(a.lo, b.lo), _mm256_and_si256(a.hi, b.hi)};
}
GENARM_INLINE uint32_t bits(mask16 a) {
  return uint32_t(_mm256_movemask_ps(_mm256_castsi256_ps(a.lo))) |
         uint32_t(_mm256_movemask_ps(_mm256_castsi256_ps(a.hi))) << 8;
}
GENARM_INLINE i32x16 select(mask16 m, i32x16 a, i32x16 b) {
  return {_mm256_blendv_epi8(b.lo, a.lo, m.lo), _mm256_blendv_epi8(b.hi, a.hi, m.hi)};
}
GENARM_INLINE i32x16 as_int(f32x16 a) { return {_mm256_castps_si256(a.lo), _mm256_castps_si256(a.hi)}; }
GENARM_INLINE f32x16 as_float(i32x16 a) { return {_mm256_castsi256_ps(a.lo), _mm256_castsi256_ps(a.hi)}; }
GENARM_INLINE f32x16 select(mask16 m, f32x16 a, f32x16 b) { return as_float(select(m, as_int(a), as_int(b))); }
GENARM_INLINE f32x16 to_float(i32x16 a) { return {_mm256_cvtepi32_ps(a.lo), _mm256_cvtepi32_ps(a.hi)}; }
GENARM_INLINE i32x16 to_int(f32x16 a) { return {_mm256_cvtps_epi32(a.lo), _mm256_cvtps_epi32(a.hi)}; }
GENARM_INLINE i32x16 operator+(i32x16 a, i32x16 b) {
  return {_mm256_add_epi32(a.lo, b.lo), _mm256_add_epi32(a.hi, b.hi)};
}
GENARM_INLINE i32x16 operator-(i32x16 a, i32x16 b) {
  return {_mm256_sub_epi32(a.lo, b.lo), _mm256_sub_epi32(a.hi, b.hi)};
}
GENARM_INLINE i32x16 operator&(i32x16 a, i32x16 b) {
  return {_mm256_and_si256(a.lo, b.lo), _mm256_and_si256(a.hi, b.hi)};
}
GENARM_INLINE i32x16 operator^(i32x16 a, i32x16 b) {
  return {_mm256_xor_si256(a.lo, b.lo), _mm256_xor_si256(a.hi, b.hi)};
}
template <int n> GENARM_INLINE i32x16 shift_left(i32x16 a) {
  return {_mm256_slli_epi32(a.lo, n), _mm256_slli_epi32(a.hi, n)};
}
template <int n> GENARM_INLINE i32x16 shift_right(i32x16 a) {
  return {_mm256_srai_epi32(a.lo, n), _mm256_srai_epi32(a.hi, n)};
}

GENARM_INLINE void multiply_wide(__m256i a, __m256i b, __m256i& high, __m256i& low) {
  const __m256i even = _mm256_mul_epu32(a, b), odd = _mm256_mul_epu32(_mm256_srli_epi64(a, 32), b);
  high = _mm256_blend_epi32(_mm256_srli_epi64(even, 32), odd, 0xAA);
  low = _mm256_blend_epi32(even, _mm256_slli_epi64(odd, 32), 0xAA);
}
GENARM_INLINE void multiply_wide(i32x16 a, i32x16 b, i32x16& high, i32x16& low) {
  multiply_wide(a.lo, b.lo, high.lo, low.lo);
  multiply_wide(a.hi, b.hi, high.hi, low.hi);
}
GENARM_INLINE void transpose_parts(__m256i& a, __m256i& b, __m256i& c, __m256i& d) {
  const __m256i t0 = _mm256_unpacklo_epi32(a, b), t1 = _mm256_unpackhi_epi32(a, b);
  const __m256i t2 = _mm256_unpacklo_epi32(c, d), t3 = _mm256_unpackhi_epi32(c, d);
  a = _mm256_unpacklo_epi64(t0, t2);
  b = _mm256_unpackhi_epi64(t0, t2);
  c = _mm256_unpacklo_epi64(t1, t3);
  d = _mm256_unpackhi_epi64(t1, t3);
}
GENARM_INLINE void transpose_parts(i32x16 (&a)[4]) {
  transpose_parts(a[0].lo, a[1].lo, a[2].lo, a[3].lo);
  transpose_parts(a[0].hi, a[1].hi, a[2].hi, a[3].hi);
}

GENARM_INLINE f32x16 load_f16(const uint16_t* p) {
  return {_mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p))),
          _mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p + 8)))};
}
GENARM_INLINE void load_bf16_pairs(const void* p, f32x16& even, f32x16& odd) {
  const i32x16 line = load(static_cast<const int32_t*>(p));
  even = as_float(shift_left<16>(line));
  odd = as_float(line & broadcast(int32_t(0xffff0000u)));
}

struct f32x8 { __m256 v; };
GENARM_INLINE f32x8 low_half(f32x16 a) { return {a.lo}; }
GENARM_INLINE f32x8 high_half(f32x16 a) { return {a.hi}; }

#else

constexpr int kMaxRows = 4;
struct f32x16 { float v[16]; };
struct i32x16 { int32_t v[16]; };
struct mask16 { int32_t v[16]; };

#define GENARM_EACH(type, expression)      \
  type out;                                \
  for (int i = 0; i < 16; ++i) out.v[i] = (expression); \
  return out;

GENARM_INLINE f32x16 broadcast(float x) { GENARM_EACH(f32x16, x) }
GENARM_INLINE i32x16 broadcast(int32_t x) { GENARM_EACH(i32x16, x) }
GENARM_INLINE f32x16 load(const float* p) { GENARM_EACH(f32x16, p[i]) }
GENARM_INLINE i32x16 load(const int32_t* p) { GENARM_EACH(i32x16, p[i]) }
GENARM_INLINE void store(float* p, f32x16 a) { memcpy(p, a.v, sizeof a.v); }
GENARM_INLINE void store(int32_t* p, i32x16 a) { memcpy(p, a.v, sizeof a.v); }
GENARM_INLINE mask16 first_lanes(int n) { GENARM_EACH(mask16, -(i < n)) }
GENARM_INLINE f32x16 load_partial(const float* p, int n) { GENARM_EACH(f32x16, i < n ? p[i] : 0.0f) }
GENARM_INLINE void store_partial(float* p, f32x16 a, int n) {
  for (int i = 0; i < n; ++i) p[i] = a.v[i];
}

GENARM_INLINE f32x16 operator+(f32x16 a, f32x16 b) { GENARM_EACH(f32x16, a.v[i] + b.v[i]) }
GENARM_INLINE f32x16 operator-(f32x16 a, f32x16 b) { GENARM_EACH(f32x16, a.v[i] - b.v[i]) }
GENARM_INLINE f32x16 operator*(f32x16 a, f32x16 b) { GENARM_EACH(f32x16, a.v[i] * b.v[i]) }
GENARM_INLINE f32x16 operator/(f32x16 a, f32x16 b) { GENARM_EACH(f32x16, a.v[i] / b.v[i]) }
GENARM_INLINE f32x16 sqrt(f32x16 a) { GENARM_EACH(f32x16, __builtin_sqrtf(a.v[i])) }
GENARM_INLINE f32x16 fma(f32x16 a, f32x16 b, f32x16 c) { GENARM_EACH(f32x16, __builtin_fmaf(a.v[i], b.v[i], c.v[i])) }
GENARM_INLINE f32x16 maximum(f32x16 a, f32x16 b) { GENARM_EACH(f32x16, a.v[i] > b.v[i] ? a.v[i] : b.v[i]) }
GENARM_INLINE f32x16 minimum(f32x16 a, f32x16 b) { GENARM_EACH(f32x16, a.v[i] < b.v[i] ? a.v[i] : b.v[i]) }
GENARM_INLINE mask16 operator<(f32x16 a, f32x16 b) { GENARM_EACH(mask16, -(a.v[i] < b.v[i])) }
GENARM_INLINE mask16 operator<=(f32x16 a, f32x16 b) { GENARM_EACH(mask16, -(a.v[i] <= b.v[i])) }
GENARM_INLINE mask16 operator<(i32x16 a, i32x16 b) { GENARM_EACH(mask16, -(a.v[i] < b.v[i])) }
GENARM_INLINE mask16 operator&(mask16 a, mask16 b) { GENARM_EACH(mask16, a.v[i] & b.v[i]) }
GENARM_INLINE uint32_t bits(mask16 a) {
  uint32_t out = 0;
  for (int i = 0; i < 16; ++i) out |= uint32_t(a.v[i] & 1) << i;
  return out;
}
GENARM_INLINE f32x16 select(mask16 m, f32x16 a, f32x16 b) { GENARM_EACH(f32x16, m.v[i] ? a.v[i] : b.v[i]) }
GENARM_INLINE i32x16 select(mask16 m, i32x16 a, i32x16 b) { GENARM_EACH(i32x16, m.v[i] ? a.v[i] : b.v[i]) }
GENARM_INLINE i32x16 as_int(f32x16 a) {
  i32x16 out;
  memcpy(&out, &a, sizeof out);
  return out;
}
GENARM_INLINE f32x16 as_float(i32x16 a) {
  f32x16 out;
  memcpy(&out, &a, sizeof out);
  return out;
}
GENARM_INLINE f32x16 to_float(i32x16 a) { GENARM_EACH(f32x16, float(a.v[i])) }
// Adding 1.5 * 2^23 leaves the integer in the low bits of the mantissa.
GENARM_INLINE i32x16 to_int(f32x16 a) {
  const i32x16 shifted = as_int(a + broadcast(12582912.0f));
  GENARM_EACH(i32x16, int32_t(uint32_t(shifted.v[i]) - 0x4b400000u))
}
GENARM_INLINE i32x16 operator+(i32x16 a, i32x16 b) {
  GENARM_EACH(i32x16, int32_t(uint32_t(a.v[i]) + uint32_t(b.v[i])))
}
GENARM_INLINE i32x16 operator-(i32x16 a, i32x16 b) {
  GENARM_EACH(i32x16, int32_t(uint32_t(a.v[i]) - uint32_t(b.v[i])))
}
GENARM_INLINE i32x16 operator&(i32x16 a, i32x16 b) { GENARM_EACH(i32x16, a.v[i] & b.v[i]) }
GENARM_INLINE i32x16 operator^(i32x16 a, i32x16 b) { GENARM_EACH(i32x16, a.v[i] ^ b.v[i]) }
template <int n> GENARM_INLINE i32x16 shift_left(i32x16 a) { GENARM_EACH(i32x16, int32_t(uint32_t(a.v[i]) << n)) }
template <int n> GENARM_INLINE i32x16 shift_right(i32x16 a) { GENARM_EACH(i32x16, a.v[i] >> n) }
GENARM_INLINE void multiply_wide(i32x16 a, i32x16 b, i32x16& high, i32x16& low) {
  for (int i = 0; i < 16; ++i) {
    const uint64_t product = uint64_t(uint32_t(a.v[i])) * uint32_t(b.v[i]);
    high.v[i] = int32_t(product >> 32);
    low.v[i] = int32_t(product);
  }
}
GENARM_INLINE void transpose_parts(i32x16 (&a)[4]) {
  for (int part = 0; part < 16; part += 4) {
    for (int i = 0; i < 4; ++i) {
      for (int j = 0; j < i; ++j) {
        const int32_t t = a[i].v[part + j];
        a[i].v[part + j] = a[j].v[part + i];
        a[j].v[part + i] = t;
      }
    }
  }
}
GENARM_INLINE float f16_to_f32(uint16_t h) {
  const uint32_t sign = uint32_t(h & 0x8000) << 16, magnitude = h & 0x7fff;
  // A subnormal half is an integer times 2^-24; any other only needs its exponent moved.
  float small = float(magnitude) * 0x1p-24f;
  uint32_t word = (magnitude << 13) + 0x38000000u;
  if (magnitude >= 0x7c00) word = 0x7f800000u | (magnitude & 0x3ff) << 13;
  if (magnitude < 0x400) memcpy(&word, &small, 4);
  word |= sign;
  float out;
  memcpy(&out, &word, 4);
  return out;
}
GENARM_INLINE f32x16 load_f16(const uint16_t* p) { GENARM_EACH(f32x16, f16_to_f32(p[i])) }
GENARM_INLINE void load_bf16_pairs(const void* p, f32x16& even, f32x16& odd) {
  const i32x16 line = load(static_cast<const int32_t*>(p));
  even = as_float(shift_left<16>(line));
  odd = as_float(line & broadcast(int32_t(0xffff0000u)));
}
#undef GENARM_EACH

#endif

// ---- bf16 inputs: what set_activations allows on one instruction set alone

#if defined(__AVX512BF16__)
// Rounds to nearest even; lane 2 i in the low half of pair i.
GENARM_INLINE void store_bf16_pairs(uint32_t* p, f32x16 a) {
  const __m256bh rounded = _mm512_cvtneps_pbh(a.v);
  memcpy(p, &rounded, 32);
}
// acc + even x even + odd x odd, for a line of 16 pairs and one pair.
GENARM_INLINE f32x16 dot_bf16_pairs(f32x16 acc, i32x16 line, uint32_t pair) {
  const __m512i same = _mm512_set1_epi32(int32_t(pair));
  return {_mm512_dpbf16_ps(acc.v, (__m512bh)line.v, (__m512bh)same)};
}
#else
GENARM_INLINE void store_bf16_pairs(uint32_t*, f32x16) { __builtin_unreachable(); }
#endif

// ---- the same on every instruction set

GENARM_INLINE f32x16 zero() { return broadcast(0.0f); }

// Halves are folded onto each other: lanes i and i + 8, then i and i + 4, 2, 1.
#if defined(__AVX2__)
GENARM_INLINE float reduce_add(f32x16 a) {
  const __m256 h = _mm256_add_ps(low_half(a).v, high_half(a).v);
  __m128 q = _mm_add_ps(_mm256_castps256_ps128(h), _mm256_extractf128_ps(h, 1));
  q = _mm_add_ps(q, _mm_movehl_ps(q, q));
  return _mm_cvtss_f32(_mm_add_ss(q, _mm_movehdup_ps(q)));
}
GENARM_INLINE float reduce_max(f32x16 a) {
  const __m256 h = _mm256_max_ps(low_half(a).v, high_half(a).v);
  __m128 q = _mm_max_ps(_mm256_castps256_ps128(h), _mm256_extractf128_ps(h, 1));
  q = _mm_max_ps(q, _mm_movehl_ps(q, q));
  return _mm_cvtss_f32(_mm_max_ss(q, _mm_movehdup_ps(q)));
}
#else
GENARM_INLINE float reduce_add(f32x16 a) {
  for (int w = 8; w > 0; w /= 2)
    for (int i = 0; i < w; ++i) a.v[i] = a.v[i] + a.v[i + w];
  return a.v[0];
}
GENARM_INLINE float reduce_max(f32x16 a) {
  for (int w = 8; w > 0; w /= 2)
    for (int i = 0; i < w; ++i) a.v[i] = a.v[i] > a.v[i + w] ? a.v[i] : a.v[i + w];
  return a.v[0];
}
#endif

}  // namespace
}  // namespace genarm::cpu::GENARM_ISA
