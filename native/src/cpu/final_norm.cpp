// final_norm: x[n] = sum of scale[j] * rms_norm(hidden[row[j]]) * norm, in the order of j.
#include "dense.h"
#include "norm.h"
#include "operations.h"

namespace genarm::cpu::GENARM_ISA {
namespace {

void combine(const FinalNormArgs& args, int64_t n) {
  const int64_t columns = args.hidden_size;
  float* x = args.x + n * columns;
  for (int64_t k = 0; k < columns; k += 16) store_partial(x + k, zero(), int(smaller(16, columns - k)));
  for (int32_t j = args.first[n]; j < args.first[n + 1]; ++j) {
    const float* hidden = args.hidden + args.row[j] * columns;
    const f32x16 scale = broadcast(rms_scale(hidden, columns, args.eps));
    const f32x16 weight = broadcast(args.scale[j]);
    for (int64_t k = 0; k < columns; k += 16) {
      const int lanes = int(smaller(16, columns - k));
      const f32x16 v = load_partial(hidden + k, lanes) * scale * load_partial(args.norm + k, lanes);
      store_partial(x + k, fma(weight, v, load_partial(x + k, lanes)), lanes);
    }
  }
}

}  // namespace

void final_norm(Context& context, const FinalNormArgs* problems, int32_t num_problems) {
  int64_t total = 0;
  for (int32_t i = 0; i < num_problems; ++i) total += problems[i].num_x;
  parallel(context, total, [&](int64_t n, int) {
    const FinalNormArgs* args = problems;
    while (n >= args->num_x) n -= args++->num_x;
    combine(*args, n);
  });
}

}  // namespace genarm::cpu::GENARM_ISA
