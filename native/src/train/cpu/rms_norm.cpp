// RMSNorm: y = x s w, s = 1 / sqrt(mean(x^2) + eps).
//
// dx = s (w dy) - x s^3 mean(x w dy);  dw += sum over rows of dy x s. Bound by bandwidth.
#include "../../cpu/norm.h"
#include "operations.h"

namespace genarm::cpu::GENARM_ISA {
namespace {

GENARM_INLINE int64_t source(const train::RmsNormArgs& a, int64_t r) { return a.index ? a.index[r] : r; }

void weight_backward(TrainContext& context, const train::RmsNormArgs& a) {
  const int64_t columns = a.columns;
  parallel_ranges(context, columns, 64, [&](int64_t begin, int64_t end) {
    f32x16 sum[4];
    for (int64_t j = begin, i = 0; j < end; j += 16, ++i) {
      sum[i] = load_partial(a.weight_gradient + j, int(smaller(16, end - j)));
    }
    for (int64_t r = 0; r < a.num_rows; ++r) {
      const float* x = a.x + source(a, r) * columns;
      const float* dy = a.out_gradient + r * columns;
      const f32x16 s = broadcast(a.scale[r]);
      for (int64_t j = begin, i = 0; j < end; j += 16, ++i) {
        const int n = int(smaller(16, end - j));
        sum[i] = fma(load_partial(dy + j, n), load_partial(x + j, n) * s, sum[i]);
      }
    }
    for (int64_t j = begin, i = 0; j < end; j += 16, ++i) {
      store_partial(a.weight_gradient + j, sum[i], int(smaller(16, end - j)));
    }
  });
}

void row_backward(const train::RmsNormArgs& a, int64_t r) {
  const int64_t columns = a.columns;
  const float* x = a.x + source(a, r) * columns;
  const float* dy = a.out_gradient + r * columns;
  float* dx = a.x_gradient + source(a, r) * columns;
  f32x16 dot = zero();
  for (int64_t j = 0; j < columns; j += 16) {
    const int n = int(smaller(16, columns - j));
    dot = fma(load_partial(x + j, n), load_partial(dy + j, n) * load_partial(a.weight + j, n), dot);
  }
  const float s = a.scale[r];
  const f32x16 slope = broadcast(-s * s * s * (reduce_add(dot) / float(columns)));
  for (int64_t j = 0; j < columns; j += 16) {
    const int n = int(smaller(16, columns - j));
    f32x16 d = broadcast(s) * (load_partial(dy + j, n) * load_partial(a.weight + j, n));
    d = fma(load_partial(x + j, n), slope, d);
    store_partial(dx + j, a.accumulate ? load_partial(dx + j, n) + d : d, n);
  }
}

}  // namespace

void rms_norm(TrainContext& context, const train::RmsNormArgs& a) {
  const int64_t columns = a.columns;
  parallel_ranges(context, a.num_rows, rows_per_range(columns), [&](int64_t begin, int64_t end) {
    for (int64_t r = begin; r < end; ++r) {
      const float* x = a.x + source(a, r) * columns;
      a.scale[r] = rms_scale(x, columns, a.eps);
      const f32x16 s = broadcast(a.scale[r]);
      for (int64_t j = 0; j < columns; j += 16) {
        const int n = int(smaller(16, columns - j));
        store_partial(a.out + r * columns + j, load_partial(x + j, n) * s * load_partial(a.weight + j, n), n);
      }
    }
  });
}

void rms_norm_backward(TrainContext& context, const train::RmsNormArgs& a) {
  if (a.weight_gradient) weight_backward(context, a);
  parallel_ranges(context, a.num_rows, rows_per_range(a.columns), [&](int64_t begin, int64_t end) {
    for (int64_t r = begin; r < end; ++r) row_backward(a, r);
  });
}

}  // namespace genarm::cpu::GENARM_ISA
