// Passes over a row of logits: the largest, the mass of exp, the noise.
#pragma once

#include "../backend.h"
#include "simd_math.h"

namespace genarm::cpu::GENARM_ISA {
namespace {

constexpr float kInfinity = __builtin_inff();
constexpr float kLargestFloat = 3.40282347e38f;
constexpr float kGreedy = 1e-5f;  // a lower temperature takes the likeliest token

GENARM_INLINE f32x16 load_or(const float* p, int64_t left, float other) {
  return left >= 16 ? load(p) : select(first_lanes(int(left)), load_partial(p, int(left)), broadcast(other));
}
GENARM_INLINE void store_first(float* p, f32x16 v, int64_t left) {
  if (left >= 16) {
    store(p, v);
  } else {
    store_partial(p, v, int(left));
  }
}

// Minus infinity where there is none; NaN is passed over.
GENARM_INLINE float largest(const float* z, int64_t n) {
  f32x16 best[4];
  for (f32x16& b : best) b = broadcast(-kInfinity);
  int64_t v = 0;
  for (; v + 64 <= n; v += 64)
    for (int i = 0; i < 4; ++i) best[i] = maximum(load(z + v + 16 * i), best[i]);
  for (; v < n; v += 16) best[0] = maximum(load_or(z + v, n - v, -kInfinity), best[0]);
  return reduce_max(maximum(maximum(best[0], best[1]), maximum(best[2], best[3])));
}

// sum exp(z - top), in f32 over blocks of 1024 and in f64 over the blocks.
GENARM_INLINE double mass(const float* z, int64_t n, float top) {
  double total = 0;
  for (int64_t begin = 0; begin < n; begin += 1024) {
    const int64_t end = begin + 1024 < n ? begin + 1024 : n;
    f32x16 sum = zero();
    for (int64_t v = begin; v < end; v += 16) sum = sum + exp(load_or(z + v, n - v, -kInfinity) - broadcast(top));
    total += double(reduce_add(sum));
  }
  return total;
}

// z = log softmax(z), `top` being its largest. Two subtractions, so that a large top does not eat the digits.
GENARM_INLINE void normalise(float* z, int64_t n, float top) {
  const f32x16 log_mass = broadcast(float(__builtin_log(mass(z, n, top))));
  for (int64_t v = 0; v < n; v += 16) {
    store_first(z + v, (load_or(z + v, n - v, 0.0f) - broadcast(top)) - log_mass, n - v);
  }
}

// What competes for a draw: logits / temperature, and minus infinity for what is not finite. Never infinite itself,
// so that any finite logit wins over none.
GENARM_INLINE f32x16 score(f32x16 z, f32x16 inverse_temperature) {
  const f32x16 bound = broadcast(kLargestFloat), low = broadcast(-kLargestFloat);
  const mask16 finite = (z <= bound) & (low <= z);
  return select(finite, maximum(minimum(z * inverse_temperature, bound), low), broadcast(-kInfinity));
}

// The best candidate so far: the largest value, among equals the lowest id; -1 before any.
struct Best {
  float value;
  int32_t id;
};

GENARM_INLINE Best none() { return {-kInfinity, -1}; }

GENARM_INLINE void consider(Best& best, float value, int32_t id) {
  if (value > best.value || (value == best.value && best.id >= 0 && id < best.id)) best = {value, id};
}

// Considers sixteen values, ids first, first + 1, ...
GENARM_INLINE void consider(Best& best, f32x16 value, int32_t first) {
  const float top = reduce_max(value);
  if (!(top >= best.value) || top == -kInfinity) return;
  consider(best, top, first + __builtin_ctz(bits(broadcast(top) <= value)));
}

GENARM_INLINE float inverse(float temperature) { return temperature < kGreedy ? 1.0f : 1.0f / temperature; }

// Considers z[0 .. n), tokens first .. first + n - 1, first a multiple of 64, for the plan's draw.
GENARM_INLINE void draw(Best& best, const float* z, int64_t n, int32_t first, const SamplingPlan& plan) {
  const bool greedy = plan.temperature < kGreedy;
  const f32x16 scale = broadcast(inverse(plan.temperature));
  for (int64_t v = 0; v < n; v += 64) {
    f32x16 s[4], top = broadcast(-kInfinity);
    for (int i = 0; i < 4; ++i) {
      const int64_t at = v + 16 * i;
      s[i] = at < n ? score(load_or(z + at, n - at, -kInfinity), scale) : broadcast(-kInfinity);
      top = maximum(s[i], top);
    }
    if (greedy) {
      for (int i = 0; i < 4; ++i) consider(best, s[i], first + int32_t(v) + 16 * i);
      continue;
    }
    // No noise can lift these above the best.
    const float highest = reduce_max(top);
    if (highest == -kInfinity || highest + kMaxGumbel < best.value) continue;
    f32x16 noise[4];
    gumbel64(noise, plan.seed, plan.choice, plan.position, first + int32_t(v));
    for (int i = 0; i < 4; ++i) consider(best, s[i] + noise[i], first + int32_t(v) + 16 * i);
  }
}

}  // namespace
}  // namespace genarm::cpu::GENARM_ISA
