// LoRA: y += h B^T, h = scale dropout(x) A^T, over a frozen layer. PBLoRA (PARM, arXiv 2505.06274) puts
// t = h C^T, C = blockdiag(W1, W2(p)), W2(p) = sum over k of p[k] W2[k], in h's place.
//
// dB += dy^T t; dt = dy B; dW1 += dt1^T h1; dW2[k] += (p[k] dt2)^T h2; dh = scale dt C; dA += dh^T dropout(x);
// dx += dropout'(dh A). What dropout keeps is counted, not drawn from a stream (operations.h), so backward and a
// recomputed layer see the same without its being stored.
#include "../../cpu/simd_math.h"
#include "operations.h"

namespace genarm::cpu::GENARM_ISA {
namespace {

// 1 / (1 - rate) or 0 for 64 columns of a row.
GENARM_INLINE void keep64(f32x16 (&keep)[4], const train::Dropout& d, uint32_t row, int64_t first) {
  i32x16 c[4];
  philox64(c, d.seed, int32_t(first), int32_t(row), int32_t(d.module), int32_t(d.update));
  const f32x16 kept = broadcast(1.0f / (1.0f - d.rate));
  // The comparison is signed: both sides are moved down by 2^31.
  const i32x16 limit = broadcast(int32_t(uint32_t(double(d.rate) * 4294967296.0) ^ 0x80000000u));
  for (int i = 0; i < 4; ++i) keep[i] = select((c[i] ^ broadcast(int32_t(0x80000000u))) < limit, zero(), kept);
}

// out = x * keep, or out += x * keep.
void drop(TrainContext& context, const train::LowRankArgs& a, float* out, const float* x, bool accumulate) {
  const int64_t columns = a.inputs;
  parallel_ranges(context, a.num_rows, rows_per_range(columns), [&](int64_t begin, int64_t end) {
    for (int64_t r = begin; r < end; ++r) {
      for (int64_t first = 0; first < columns; first += 64) {
        f32x16 keep[4];
        keep64(keep, a.dropout, a.dropout.first_row + uint32_t(r), first);
        for (int i = 0; i < 4 && first + 16 * i < columns; ++i) {
          const int64_t at = r * columns + first + 16 * i;
          const int n = int(smaller(16, columns - first - 16 * i));
          const f32x16 v = load_partial(x + at, n) * keep[i];
          store_partial(out + at, accumulate ? load_partial(out + at, n) + v : v, n);
        }
      }
    }
  });
}

void scale_by(float* x, float scale, int64_t count) {
  for (int64_t i = 0; i < count; ++i) x[i] *= scale;
}

// The layer's input after dropout.
const float* dropped(TrainContext& context, const train::LowRankArgs& a) {
  if (a.dropout.rate == 0) return a.x;
  drop(context, a, a.dropped, a.x, false);
  return a.dropped;
}

// Writes W2(p), of `size` elements; other layers use the same memory in between.
void mix(const train::LowRankCore& c, int64_t size) {
  for (int64_t i = 0; i < size; ++i) {
    float sum = 0;
    for (int32_t k = 0; k < c.num_objectives; ++k) sum += c.preference[k] * c.w2[k * size + i];
    c.mixed[i] = sum;
  }
}

// The two blocks of t = h C^T.
void core(TrainContext& context, const train::LowRankArgs& a) {
  const train::LowRankCore& c = a.core;
  const int64_t rows = a.num_rows, rank = a.rank, r1 = c.fixed_rank, r2 = rank - r1;
  mix(c, r2 * r2);
  const Product blocks[2] = {{c.out, rank, a.h, rank, 1, c.w1, 1, r1, rows, r1, r1, nullptr, 0},
                             {c.out + r1, rank, a.h + r1, rank, 1, c.mixed, 1, r2, rows, r2, r2, nullptr, 0}};
  multiply(context, blocks, 2);
}

// dW2[k] += (p[k] dt2)^T h2: the factor enters before the sum, so that calls add up to the same bits as one.
void preferred_backward(TrainContext& context, const train::LowRankArgs& a) {
  const train::LowRankCore& c = a.core;
  const int64_t rows = a.num_rows, rank = a.rank, r1 = c.fixed_rank, r2 = rank - r1;
  float* weighed = a.h_gradient + r1;  // not needed yet
  for (int32_t k = 0; k < c.num_objectives; ++k) {
    for (int64_t r = 0; r < rows; ++r) {
      for (int64_t i = 0; i < r2; ++i) weighed[r * rank + i] = c.preference[k] * c.out_gradient[r * rank + r1 + i];
    }
    float* gradient = c.w2_gradient + k * r2 * r2;
    const Product product = {gradient, r2, weighed, 1, rank, a.h + r1, rank, 1, r2, r2, rows, gradient, r2};
    multiply(context, &product, 1);
  }
}

// From t's gradient to h's and C's.
void core_backward(TrainContext& context, const train::LowRankArgs& a) {
  const train::LowRankCore& c = a.core;
  const int64_t rows = a.num_rows, rank = a.rank, r1 = c.fixed_rank, r2 = rank - r1;
  mix(c, r2 * r2);
  preferred_backward(context, a);
  const float *d1 = c.out_gradient, *d2 = c.out_gradient + r1;
  const Product blocks[3] = {{c.w1_gradient, r1, d1, 1, rank, a.h, rank, 1, r1, r1, rows, c.w1_gradient, r1},
                             {a.h_gradient, rank, d1, rank, 1, c.w1, r1, 1, rows, r1, r1, nullptr, 0},
                             {a.h_gradient + r1, rank, d2, rank, 1, c.mixed, r2, 1, rows, r2, r2, nullptr, 0}};
  multiply(context, blocks, 3);
}

}  // namespace

void low_rank(TrainContext& context, const train::LowRankArgs& a) {
  const int64_t rows = a.num_rows, in = a.inputs, out = a.outputs, rank = a.rank;
  const Product down = {a.h, rank, dropped(context, a), in, 1, a.a, 1, in, rows, rank, in, nullptr, 0};
  multiply(context, &down, 1);
  scale_by(a.h, a.scale, rows * rank);
  if (a.core.w1) core(context, a);
  const Product up = {a.y, out, a.core.w1 ? a.core.out : a.h, rank, 1, a.b, 1, rank, rows, out, rank, a.y, out};
  multiply(context, &up, 1);
}

void low_rank_backward(TrainContext& context, const train::LowRankArgs& a) {
  const int64_t rows = a.num_rows, in = a.inputs, out = a.outputs, rank = a.rank;
  const bool has_core = a.core.w1 != nullptr;
  const float* t = has_core ? a.core.out : a.h;
  float* t_gradient = has_core ? a.core.out_gradient : a.h_gradient;
  const Product of_b[2] = {
      {a.b_gradient, rank, a.y_gradient, 1, out, t, rank, 1, out, rank, rows, a.b_gradient, rank},
      {t_gradient, rank, a.y_gradient, out, 1, a.b, rank, 1, rows, rank, out, nullptr, 0}};
  multiply(context, of_b, 2);
  if (has_core) core_backward(context, a);
  scale_by(a.h_gradient, a.scale, rows * rank);
  const Product of_a = {a.a_gradient, in,   a.h_gradient, 1,    rank,         dropped(context, a), in,
                        1,            rank, in,           rows, a.a_gradient, in};
  multiply(context, &of_a, 1);
  if (!a.x_gradient) return;
  const bool drops = a.dropout.rate > 0;
  const Product of_x = {drops ? a.dropped : a.x_gradient, in,   a.h_gradient, rank, 1, a.a, in, 1, rows, in, rank,
                        drops ? nullptr : a.x_gradient,   in};
  multiply(context, &of_x, 1);
  if (drops) drop(context, a, a.x_gradient, a.dropped, true);
}

}  // namespace genarm::cpu::GENARM_ISA
