// The launchers of adapters' updates: u = C (A x) of every row that an adapter updates, and beside each row what the
// kernel of the layer adds, scale * B u (row_update.cuh). See LowRank of backend.h. Host C++.
#pragma once

#include <cstdint>

#include "cuda/numbers.h"
#include "cuda/stream.h"

namespace genarm::cuda {

constexpr int kMaxRank = 1024;
constexpr int kMaxUpdates = 16;  // of a launch

// What an adapter adds to number o of a row: scale * sum over r of b[o, r] * u[r]. rank 0: nothing.
struct RowUpdate {
  const float *b, *u;
  float scale;
  int32_t rank;
};

// The rows x of a stage: those of a bf16 matrix, high and low parts of it, or of a residual that is normed.
struct LowRankInput {
  const bf16* x;        // [num_rows, columns], or null
  const bf16* low;      // added to x, or null
  int64_t x_stride;     // of both
  const float* hidden;  // where x is null: x = rms_norm(hidden) * norm
  int64_t hidden_stride;
  const float* norm;
  float eps;
  int32_t columns;
};

// One adapter's update of one layer, of rows [first_row, first_row + num_rows); rank 0: those rows have none.
struct LowRankUpdate {
  const float *a, *b;       // [rank, columns], [rows of the layer, rank]
  const float *w1, *w2;     // as LowRank, or null
  const float* preference;  // of its first row
  float* u;                 // out [num_rows, rank]
  RowUpdate* rows;          // out [num_rows]
  float scale;
  int32_t rank, first_row, num_rows, fixed_rank, num_objectives, preference_stride;
  int32_t unused = 0;       // no padding: see step_record.h
};

// The updates of all layers that read x, up to kMaxUpdates in one launch, and one more where one has a C.
void shrink(const LowRankInput& input, const LowRankUpdate* updates, int count, Order order, stream_t stream);

}  // namespace genarm::cuda
