#include "cuda/updates.h"

#include "cuda/cuda_matrix.h"

namespace genarm::cuda {

const RowUpdate* StageUpdates::of_layer(Span<LowRank> updates, int32_t num_rows) {
  if (updates.size == 0) return nullptr;
  RowUpdate* rows = rows_ + taken_;
  float* u = u_ + taken_ * kMaxRank;
  taken_ += num_rows;
  int32_t next = 0;
  const auto nothing_until = [&](int32_t row) {
    if (row == next) return;
    LowRankUpdate none = {};
    none.rows = rows + next;
    none.first_row = next;
    none.num_rows = row - next;
    asked_.push_back(none);
  };
  for (const LowRank& each : updates) {
    nothing_until(each.first_row);
    const int64_t first = each.first_row;
    asked_.push_back({row_major(each.a), row_major(each.b), each.w1, each.w2, each.preference, u + first * kMaxRank, rows + first,
                      each.scale, int32_t(each.a->rows), each.first_row, each.num_rows, each.fixed_rank, each.num_objectives,
                      each.preference_stride});
    next = each.first_row + each.num_rows;
  }
  nothing_until(num_rows);
  return rows;
}

void StageUpdates::shrink(const LowRankInput& input, stream_t stream) {
  cuda::shrink(input, asked_.data(), int(asked_.size()), Order::overlaps_previous, stream);
  asked_.clear();
}

}  // namespace genarm::cuda
