// Embedding: rows of a table; backward adds each row's gradient to its token's, in the order of the rows.
#include "operations.h"

namespace genarm::cpu::GENARM_ISA {

void embed(TrainContext& context, const train::EmbedArgs& a) {
  const int64_t columns = a.columns;
  parallel_ranges(context, a.num_rows, rows_per_range(columns), [&](int64_t begin, int64_t end) {
    for (int64_t r = begin; r < end; ++r) {
      memcpy(a.hidden + r * columns, a.table + a.ids[r] * columns, size_t(columns) * sizeof(float));
    }
  });
}

// Columns are shared out, not rows: a token may stand in many.
void embed_backward(TrainContext& context, const train::EmbedArgs& a) {
  const int64_t columns = a.columns;
  parallel_ranges(context, columns, 64, [&](int64_t begin, int64_t end) {
    for (int64_t r = 0; r < a.num_rows; ++r) {
      float* to = a.table_gradient + a.ids[r] * columns;
      const float* from = a.hidden_gradient + r * columns;
      for (int64_t j = begin; j < end; j += 16) {
        const int n = int(smaller(16, end - j));
        store_partial(to + j, load_partial(to + j, n) + load_partial(from + j, n), n);
      }
    }
  });
}

}  // namespace genarm::cpu::GENARM_ISA
