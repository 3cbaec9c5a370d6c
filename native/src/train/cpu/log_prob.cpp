// Log-probabilities of target tokens: log p_t = z_t - log sum exp z. Backward, in place of the logits:
// dz_v = sum over the row's targets of c (1[v = t] - exp(z_v - log sum exp z)). One or two passes over a row in L1/L2.
#include "../../cpu/simd_math.h"
#include "operations.h"

namespace genarm::cpu::GENARM_ISA {
namespace {

float log_sum_exp(const float* z, int64_t size) {
  f32x16 top = broadcast(z[0]);
  for (int64_t j = 0; j < size; j += 16) {
    const int n = int(smaller(16, size - j));
    // What lies beyond the end reads as 0: the first lane stands in for it.
    const f32x16 v = load_partial(z + j, n);
    top = maximum(top, n == 16 ? v : select(first_lanes(n), v, top));
  }
  const float largest = reduce_max(top);
  f32x16 sum = zero();
  for (int64_t j = 0; j < size; j += 16) {
    const int n = int(smaller(16, size - j));
    const f32x16 e = exp(load_partial(z + j, n) - broadcast(largest));
    sum = sum + (n == 16 ? e : select(first_lanes(n), e, zero()));
  }
  return largest + __builtin_logf(reduce_add(sum));
}

}  // namespace

void log_prob(TrainContext& context, const train::LogProbArgs& a) {
  const int64_t size = a.vocab_size;
  parallel_ranges(context, a.num_rows, rows_per_range(size), [&](int64_t begin, int64_t end) {
    for (int64_t r = begin; r < end; ++r) {
      a.log_sum_exp[r] = log_sum_exp(a.logits + r * size, size);
      for (int32_t e = a.first[r]; e < a.first[r + 1]; ++e) {
        a.log_prob[e] = a.logits[r * size + a.target[e]] - a.log_sum_exp[r];
      }
    }
  });
}

void log_prob_backward(TrainContext& context, const train::LogProbArgs& a) {
  const int64_t size = a.vocab_size;
  parallel_ranges(context, a.num_rows, rows_per_range(size), [&](int64_t begin, int64_t end) {
    for (int64_t r = begin; r < end; ++r) {
      float* z = a.logits + r * size;
      float total = 0;
      for (int32_t e = a.first[r]; e < a.first[r + 1]; ++e) total += a.coefficient[e];
      const f32x16 shift = broadcast(a.log_sum_exp[r]), scale = broadcast(-total);
      for (int64_t j = 0; j < size; j += 16) {
        const int n = int(smaller(16, size - j));
        store_partial(z + j, exp(load_partial(z + j, n) - shift) * scale, n);
      }
      for (int32_t e = a.first[r]; e < a.first[r + 1]; ++e) z[a.target[e]] += a.coefficient[e];
    }
  });
}

}  // namespace genarm::cpu::GENARM_ISA
