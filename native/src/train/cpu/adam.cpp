// AdamW with decoupled decay (Loshchilov and Hutter, arXiv 1711.05101), as torch.optim.AdamW orders it, and the sum of
// squares that clipping needs. Bound by bandwidth: 28 bytes an element.
#include "operations.h"

namespace genarm::cpu::GENARM_ISA {
namespace {

constexpr int64_t kSquaresBlock = 1 << 16;

}  // namespace

void adam(TrainContext& context, const train::AdamArgs& a) {
  const float keep = 1.0f - a.rate * a.decay, rate = float(double(a.rate) / a.first_correction);
  const float root = float(1.0 / __builtin_sqrt(a.second_correction));
  const float fresh1 = 1.0f - a.beta1, fresh2 = 1.0f - a.beta2;
  parallel_ranges(context, a.count, kRangeElements, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; i += 16) {
      const int n = int(smaller(16, end - i));
      const f32x16 g = load_partial(a.gradient + i, n) * broadcast(a.gradient_scale);
      const f32x16 m = fma(broadcast(a.beta1), load_partial(a.first_moment + i, n), broadcast(fresh1) * g);
      const f32x16 v = fma(broadcast(a.beta2), load_partial(a.second_moment + i, n), broadcast(fresh2) * g * g);
      const f32x16 step = m / fma(sqrt(v), broadcast(root), broadcast(a.eps));
      store_partial(a.first_moment + i, m, n);
      store_partial(a.second_moment + i, v, n);
      store_partial(a.weight + i, fma(broadcast(-rate), step, load_partial(a.weight + i, n) * broadcast(keep)), n);
    }
  });
}

double sum_squares(TrainContext& context, const float* x, int64_t count) {
  const int64_t blocks = (count + kSquaresBlock - 1) / kSquaresBlock;
  constexpr int64_t kMaxBlocks = 256;  // of one region: their sums lie on the stack
  double total = 0;
  for (int64_t first = 0; first < blocks; first += kMaxBlocks) {
    double sums[kMaxBlocks];
    const int64_t last = smaller(blocks, first + kMaxBlocks);
    parallel(context, last - first, [&](int64_t index, float*) {
      const int64_t begin = (first + index) * kSquaresBlock, end = smaller(count, begin + kSquaresBlock);
      double sum = 0;
      for (int64_t i = begin; i < end; i += 1024) {  // f32 within a run keeps 1e-6, doubles across runs keep the rest
        f32x16 squares = zero();
        for (int64_t j = i; j < smaller(end, i + 1024); j += 16) {
          const f32x16 v = load_partial(x + j, int(smaller(16, end - j)));
          squares = fma(v, v, squares);
        }
        sum += double(reduce_add(squares));
      }
      sums[index] = sum;
    });
    for (int64_t i = first; i < last; ++i) total += sums[i - first];
  }
  return total;
}

}  // namespace genarm::cpu::GENARM_ISA
