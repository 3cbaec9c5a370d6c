// Weights in the order in which the kernels read them: panels of 16 output rows. A panel holds, for each pair of
// consecutive columns,
//   bf16       one line of 64 bytes: 16 rows x 2 columns
//   f16, f32   16 rows of the first column, then 16 rows of the second
// Rows are padded to whole panels within each row group, columns to a multiple of 4, with zeros.
#pragma once

#include "../backend.h"
#include "memory.h"
#include "thread_pool.h"

namespace genarm::cpu {

constexpr int kPanelRows = 16;

struct PackedMatrix : Matrix {
  ~PackedMatrix() override;

  const uint8_t* panels = nullptr;
  int64_t panel_bytes = 0, num_panels = 0;
  int64_t padded_columns = 0;
  int64_t group_rows = 0, group_panels = 0;  // a row group; all rows are one where the source had none
  Memory memory;
};

// Throws Error{GA_INVALID_ARGUMENT, GA_UNSUPPORTED, GA_OUT_OF_MEMORY}.
std::unique_ptr<PackedMatrix> pack_matrix(ThreadPool& pool, const MatrixSource& source, Dtype dtype);

}  // namespace genarm::cpu
