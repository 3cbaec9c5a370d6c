// Quantised matrices on their way into a kernel's order (fragments.h). Host C++.
#pragma once

#include <cstdint>
#include <vector>

#include "backend.h"
#include "cuda/fragments.h"

namespace genarm::cuda {

// Row-major; a weight is scale * (number - zero) with scale and zero of its row and its block of 32 columns.
struct QuantisedMatrix {
  int64_t rows = 0, columns = 0;  // columns: a multiple of 32
  Format format = Format::int8;
  std::vector<uint8_t> number;    // [rows, columns]
  std::vector<uint16_t> scale;    // [rows, columns / 32] f16
  std::vector<uint8_t> zero;      // the same; empty unless int4_zeros
  std::vector<int32_t> order;     // as Weight, [columns]; empty: columns meet their own inputs
};

// f32, f16 or bf16 to int8 or int4. Throws Error where a number cannot be represented.
QuantisedMatrix quantise(const MatrixSource& source, Dtype dtype);

// Without loss. Columns of a group lie side by side, each group in whole blocks.
QuantisedMatrix read_gptq(const GptqSource& source);

// head_dim > 0: rows are heads, packed in pairs of tiles.
std::vector<uint8_t> pack_quantised(const QuantisedMatrix& matrix, int head_dim);

}  // namespace genarm::cuda
