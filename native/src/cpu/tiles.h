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

namespace {

// Weight formats: a step is two columns, the even and the odd one.

struct F32Weights {
  static constexpr int64_t kStep = 128;
  GENARM_INLINE static void read(const uint8_t* p, f32x16& even, f32x16& odd) {
    even = load(reinterpret_cast<const float*>(p));
    odd = load(reinterpret_cast<const float*>(p) + 16);
  }
};
struct F16Weights {
  static constexpr int64_t kStep = 64;
  GENARM_INLINE static void read(const uint8_t* p, f32x16& even, f32x16& odd) {
    even = load_f16(reinterpret_cast<const uint16_t*>(p));
    odd = load_f16(reinterpret_cast<const uint16_t*>(p) + 16);
  }
};
struct Bf16Weights {
  static constexpr int64_t kStep = 64;
  GENARM_INLINE static void read(const uint8_t* p, f32x16& even, f32x16& odd) { load_bf16_pairs(p, even, odd); }
};

}  // namespace
}  // namespace genarm::cpu::GENARM_ISA
