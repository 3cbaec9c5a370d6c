// The launchers of adapters' updates: y[r] += scale * B (C[r] (A x[r])), see LowRank of backend.h. Host C++.
#pragma once

#include <cstdint>

#include "cuda/numbers.h"
#include "cuda/stream.h"

namespace genarm::cuda {

constexpr int kMaxRank = 1024;

// The rows x of a linear layer: those of a bf16 matrix, high and low parts of it, or of a residual that is normed.
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

struct LowRankUpdate {
  LowRankInput input;       // of its first row
  const float *a, *b;       // [rank, columns], [rows, rank]
  const float *w1, *w2;     // as LowRank, or null
  const float* preference;
  float* u;                 // [num_rows, rank] scratch
  float* y;                 // [num_rows, rows], of its first row
  int64_t y_stride;
  float scale;
  int32_t rank, rows, num_rows, fixed_rank, num_objectives, preference_stride;
};

void add_low_rank(const LowRankUpdate& update, Order order, stream_t stream);

// values[0 .. size) = 0
void clear(float* values, int64_t size, Order order, stream_t stream);

}  // namespace genarm::cuda
