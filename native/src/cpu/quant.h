// Quantised weights in a panel of 16 output rows. Columns come in blocks of 32; one or more blocks share, for each row,
// a scale s and a zero z:  w = s * (u - z)  with u the unsigned number that is stored. A panel holds
//   scales   [scales of a row][16] f16
//   zeros    [scales of a row][16] bytes, or none where z is the middle of u's range (8, 128)
//   padding to a line of 64 bytes, so that no line of numbers straddles two
//   numbers  [blocks][lines of 64 bytes]; a line is 16 rows of four bytes
//              8 bits: columns 4 i ... 4 i + 3, one a byte                             (8 lines a block)
//              4 bits: columns 8 i ... 8 i + 3 in the low halves of the bytes, the next four in the high  (4 lines)
// s has 11 bits and u - z at most 8, so every w is exact in f32; and four numbers of a row side by side are what the
// byte dot products (VNNI, maddubs) take.
#pragma once

#include <cstdint>

namespace genarm::cpu {

constexpr int kBlockColumns = 32;

struct QuantLayout {
  int32_t bits = 0;              // of a number: 8, 4, or 0 for a matrix that is not quantised
  int32_t num_blocks = 0;
  int32_t blocks_per_scale = 1;  // the last scale may have fewer
  bool has_zeros = false;

  int64_t num_scales() const { return (num_blocks + blocks_per_scale - 1) / blocks_per_scale; }
  int64_t zeros_at() const { return num_scales() * 32; }
  int64_t numbers_at() const { return (num_scales() * (has_zeros ? 48 : 32) + 63) / 64 * 64; }
  int64_t block_bytes() const { return kBlockColumns * 16 * bits / 8; }
  int64_t panel_bytes() const { return numbers_at() + num_blocks * block_bytes(); }
  int32_t middle() const { return bits == 8 ? 128 : 8; }
};

}  // namespace genarm::cpu
