// What adapters add to the rows of a product, in the product's own launch.
#pragma once

#include "cuda/launch.h"
#include "cuda/low_rank.h"

namespace genarm::cuda {

// What is added to number `out` of a row; rows: null where no adapter updates the layer. After grid_wait().
__device__ __forceinline__ float update_of(const RowUpdate* rows, int64_t row, int64_t out) {
  if (!rows) return 0;
  const RowUpdate update = rows[row];
  const float* b = update.b + out * update.rank;
  float sum = 0;
#pragma unroll 4
  for (int r = 0; r < update.rank; ++r) sum += b[r] * update.u[r];
  return update.scale * sum;
}

}  // namespace genarm::cuda
