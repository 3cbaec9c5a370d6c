// LoRA: y += h B^T, h = scale dropout(x) A^T, over a frozen layer.
//
// dB += dy^T h; dh = scale dy B; dA += dh^T dropout(x); dx += dropout'(dh A). What dropout keeps is counted, not drawn
// from a stream (operations.h), so backward and a recomputed layer see the same without its being stored.
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

}  // namespace

void low_rank(TrainContext& context, const train::LowRankArgs& a) {
  const int64_t rows = a.num_rows, in = a.inputs, out = a.outputs, rank = a.rank;
  const Product down = {a.h, rank, dropped(context, a), in, 1, a.a, 1, in, rows, rank, in, nullptr, 0};
  multiply(context, &down, 1);
  scale_by(a.h, a.scale, rows * rank);
  const Product up = {a.y, out, a.h, rank, 1, a.b, 1, rank, rows, out, rank, a.y, out};
  multiply(context, &up, 1);
}

void low_rank_backward(TrainContext& context, const train::LowRankArgs& a) {
  const int64_t rows = a.num_rows, in = a.inputs, out = a.outputs, rank = a.rank;
  const Product of_b[2] = {
      {a.b_gradient, rank, a.y_gradient, 1, out, a.h, rank, 1, out, rank, rows, a.b_gradient, rank},
      {a.h_gradient, rank, a.y_gradient, out, 1, a.b, rank, 1, rows, rank, out, nullptr, 0}};
  multiply(context, of_b, 2);
  scale_by(a.h_gradient, a.scale, rows * rank);
  const Product of_a = {a.a_gradient, in,   a.h_gradient, 1,    rank,         dropped(context, a), in,
                        1,            rank, in,           rows, a.a_gradient, in};
  multiply(context, &of_a, 1);
  const bool drops = a.dropout.rate > 0;
  const Product of_x = {drops ? a.dropped : a.x_gradient, in,   a.h_gradient, rank, 1, a.a, in, 1, rows, in, rank,
                        drops ? nullptr : a.x_gradient,   in};
  multiply(context, &of_x, 1);
  if (drops) drop(context, a, a.x_gradient, a.dropped, true);
}

}  // namespace genarm::cpu::GENARM_ISA
