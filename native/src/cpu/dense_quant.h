// Products of quantised weights (quant.h) with rows of inputs, in one of two precisions:
//
//   f32 inputs    acc += w x with w = s (u - z), exact, in dense.h's order: the same bits as the weights as f32 give
//   int8 inputs   each block of 32 columns of a row is rounded as Q8_0, x = d q; a block adds
//                 (s d) (sum of u q - z sum of q), the parenthesis exact, block after block
//
// Quantised inputs of a group lie [blocks]{ q [8 columns' quads][rows] 4 bytes, d [rows] f32, -8 sum of q [rows] i32 }.
#pragma once

#include "packing.h"

namespace genarm::cpu::GENARM_ISA {

constexpr int64_t kQuantisedBlockBytes = 40;  // of one row

// Bytes of a row's quantised inputs.
constexpr int64_t quantised_row_bytes(int64_t columns) {
  return (columns + kBlockColumns - 1) / kBlockColumns * kQuantisedBlockBytes;
}

// Quantises the 32 columns x of one row of a group of `rows`: d = max |x| / 127, q = round(x / d). out: the block's place.
void quantise_block(uint8_t* out, const float* x, int rows, int row);

// out[panel][row][16] for `count` panels from `first` on, of one row group.
void multiply_quantised(float* out, const PackedMatrix& matrix, int64_t first, int count, const uint8_t* inputs,
                        int rows, bool quantised_inputs);

// out[columns] = the weights of row `lane` of a panel; not for a matrix with an order of its own.
void read_quantised_row(float* out, const PackedMatrix& matrix, int64_t panel, int lane);

}  // namespace genarm::cpu::GENARM_ISA
