// exp, log, SiLU and the sampling noise on sixteen lanes. Polynomials from Cephes (Moshier); the same bits on every
// instruction set.
#pragma once

#include "simd.h"

namespace genarm::cpu::GENARM_ISA {
namespace {

// Within 2 ulp; 0 below -87.33, where the result would be subnormal; 2.4e38 above 88.37; exp(0) is exactly 1.
GENARM_INLINE f32x16 exp(f32x16 x) {
  const f32x16 bounded = minimum(broadcast(88.3762626f), x);
  const i32x16 power = to_int(bounded * broadcast(1.44269504f));
  const f32x16 n = to_float(power);
  f32x16 r = fma(n, broadcast(-0.693359375f), bounded);
  r = fma(n, broadcast(2.12194440e-4f), r);
  f32x16 y = broadcast(1.9875691500e-4f);
  y = fma(y, r, broadcast(1.3981999507e-3f));
  y = fma(y, r, broadcast(8.3334519073e-3f));
  y = fma(y, r, broadcast(4.1665795894e-2f));
  y = fma(y, r, broadcast(1.6666665459e-1f));
  y = fma(y, r, broadcast(5.0000001201e-1f));
  y = fma(y, r * r, r) + broadcast(1.0f);
  y = as_float(as_int(y) + shift_left<23>(power));
  return select(x < broadcast(-87.33f), zero(), y);
}

// log(2^e (1 + f)) for f in [sqrt(1/2) - 1, sqrt(2) - 1].
GENARM_INLINE f32x16 log_of_parts(f32x16 f, f32x16 e) {
  const f32x16 square = f * f;
  f32x16 y = broadcast(7.0376836292e-2f);
  y = fma(y, f, broadcast(-1.1514610310e-1f));
  y = fma(y, f, broadcast(1.1676998740e-1f));
  y = fma(y, f, broadcast(-1.2420140846e-1f));
  y = fma(y, f, broadcast(1.4249322787e-1f));
  y = fma(y, f, broadcast(-1.6668057665e-1f));
  y = fma(y, f, broadcast(2.0000714765e-1f));
  y = fma(y, f, broadcast(-2.4999993993e-1f));
  y = fma(y, f, broadcast(3.3333331174e-1f));
  y = y * f * square;
  y = fma(e, broadcast(-2.12194440e-4f), y);
  y = fma(square, broadcast(-0.5f), y);
  return fma(e, broadcast(0.693359375f), f + y);
}

// A positive normal number as 2^e (1 + f).
GENARM_INLINE void split(f32x16 x, f32x16& f, f32x16& e) {
  const i32x16 root = broadcast(int32_t(0x3f3504f3));
  const i32x16 shifted = as_int(x) - root;
  e = to_float(shift_right<23>(shifted));
  f = as_float((shifted & broadcast(int32_t(0x007fffff))) + root) - broadcast(1.0f);
}

// Of positive normal numbers, within 2 ulp.
GENARM_INLINE f32x16 log(f32x16 x) {
  f32x16 f, e;
  split(x, f, e);
  return log_of_parts(f, e);
}

GENARM_INLINE f32x16 silu(f32x16 x) { return x / (broadcast(1.0f) + exp(zero() - x)); }

// The noise of a word (noise.h). Where u < 1/2, log(1 - u) is taken from u itself, so that a small u keeps its digits.
GENARM_INLINE f32x16 gumbel(i32x16 word) {
  const mask16 low = broadcast(int32_t(-1)) < word;
  const i32x16 folded = word ^ shift_right<31>(word);
  const f32x16 u = (to_float(folded) + broadcast(0.5f)) * broadcast(0x1p-32f);
  const mask16 small = u < broadcast(0.29289322f);
  f32x16 f, e;
  split(u, f, e);
  f = select(low, select(small, zero() - u, broadcast(1.0f) - (u + u)), f);
  e = select(low, select(small, zero(), broadcast(-1.0f)), e);
  return zero() - log(zero() - log_of_parts(f, e));
}

// No noise is larger.
constexpr float kMaxGumbel = 23.0f;

// Words of tokens first .. first + 63, first a multiple of 64: philox(seed, token / 4, c1, c2, c3).word[token % 4].
GENARM_INLINE void philox64(i32x16 (&words)[4], uint64_t seed, int32_t first, int32_t c1, int32_t c2, int32_t c3) {
  // Lane 4 l + j counts counter 4 j + l, so that the transposed words come out in the order of the tokens.
  static const int32_t kOrder[16] = {0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15};
  i32x16 (&c)[4] = words;
  c[0] = broadcast(first / 4) + load(kOrder);
  c[1] = broadcast(c1);
  c[2] = broadcast(c2);
  c[3] = broadcast(c3);
  const i32x16 m0 = broadcast(int32_t(0xD2511F53u)), m1 = broadcast(int32_t(0xCD9E8D57u));
  uint32_t k0 = uint32_t(seed), k1 = uint32_t(seed >> 32);
  for (int round = 0; round < 10; ++round) {
    i32x16 high0, low0, high1, low1;
    multiply_wide(c[0], m0, high0, low0);
    multiply_wide(c[2], m1, high1, low1);
    c[0] = high1 ^ c[1] ^ broadcast(int32_t(k0));
    c[2] = high0 ^ c[3] ^ broadcast(int32_t(k1));
    c[1] = low1;
    c[3] = low0;
    k0 += 0x9E3779B9u;
    k1 += 0xBB67AE85u;
  }
  transpose_parts(c);
}

// The noise of tokens first .. first + 63, first a multiple of 64.
GENARM_INLINE void gumbel64(f32x16 (&noise)[4], uint64_t seed, int32_t choice, int32_t position, int32_t first) {
  i32x16 words[4];
  philox64(words, seed, first, position, choice, 0);
  for (int i = 0; i < 4; ++i) noise[i] = gumbel(words[i]);
}

}  // namespace
}  // namespace genarm::cpu::GENARM_ISA
