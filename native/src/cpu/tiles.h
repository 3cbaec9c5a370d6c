// The innermost loops of products with weights that are not quantised: P panels times R rows.
#pragma once

#include "kernels.h"
#include "simd.h"

namespace genarm::cpu::GENARM_ISA {

// out[panel][row][16]; inputs [columns][rows] as dense.h prepares them.
using Tile = void (*)(float* out, const uint8_t* const* panels, const void* inputs, int64_t padded_columns);

struct TileSet {
  Tile tile[kMaxRows + 1][3];  // [rows][log2 of the panels], up to widest(rows)
};

// For f32 inputs.
const TileSet& f32_tiles(Dtype weights);

// For bf16 weights and inputs, these in pairs of columns.
const TileSet& bf16_tiles();

}  // namespace genarm::cpu::GENARM_ISA
