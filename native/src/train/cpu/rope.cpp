// Rotary embedding of the two halves of every head, in place: (a, b) -> (a cos - b sin, b cos + a sin). The rotation is
// orthogonal up to the tables' factor, so backward is the same with -sin.
#include "operations.h"

namespace genarm::cpu::GENARM_ISA {
namespace {

void rotate(TrainContext& context, const train::RopeArgs& a, float direction) {
  const int64_t half = a.head_dim / 2, columns = int64_t(a.num_heads) * a.head_dim;
  parallel_ranges(context, a.num_rows, rows_per_range(columns), [&](int64_t begin, int64_t end) {
    for (int64_t r = begin; r < end; ++r) {
      const float* cosines = a.cosines + a.position[r] * half;
      const float* sines = a.sines + a.position[r] * half;
      for (int64_t h = 0; h < a.num_heads; ++h) {
        float* low = a.x + r * columns + h * a.head_dim;
        for (int64_t j = 0; j < half; j += 16) {
          const int n = int(smaller(16, half - j));
          const f32x16 x = load_partial(low + j, n), y = load_partial(low + half + j, n);
          const f32x16 c = load_partial(cosines + j, n), s = load_partial(sines + j, n) * broadcast(direction);
          store_partial(low + j, x * c - y * s, n);
          store_partial(low + half + j, y * c + x * s, n);
        }
      }
    }
  });
}

}  // namespace

void rope(TrainContext& context, const train::RopeArgs& args) { rotate(context, args, 1); }
void rope_backward(TrainContext& context, const train::RopeArgs& args) { rotate(context, args, -1); }

}  // namespace genarm::cpu::GENARM_ISA
