// Quantised weights in panels of 16 output rows. Columns come in blocks of 32; one or more blocks share, for each row,
// a scale s and a zero z:  w = s * (u - z)  with u the unsigned number that is stored.
//
// Four panels that follow each other within a row group are a bundle (what is left of a group makes one of two, one of
// one), and a bundle is one stream of bytes in the order in which a tile reads it: memory gives nearly all of its speed
// to one stream, and a third less to four. A bundle of W panels holds, for the blocks of one scale after the other,
//   scales   [W][16] f16
//   zeros    [W][16] bytes, or none where z is the middle of u's range (8, 128)
//   numbers  [blocks][lines][W] lines of 64 bytes; a line is 16 rows of four bytes
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
  int64_t scale_bytes() const { return has_zeros ? 48 : 32; }  // of one panel
  int64_t block_bytes() const { return kBlockColumns * 16 * bits / 8; }
  int64_t panel_bytes() const { return num_scales() * scale_bytes() + num_blocks * block_bytes(); }
  int32_t middle() const { return bits == 8 ? 128 : 8; }

  // Where in a bundle of `width` panels the scales of a block's scale lie, their zeros, and the numbers of a block.
  int64_t scales_at(int64_t block, int64_t width) const {
    const int64_t scale = block / blocks_per_scale;
    return width * scale * (scale_bytes() + blocks_per_scale * block_bytes());
  }
  int64_t zeros_at(int64_t block, int64_t width) const { return scales_at(block, width) + width * 32; }
  int64_t numbers_at(int64_t block, int64_t width) const {
    return width * ((block / blocks_per_scale + 1) * scale_bytes() + block * block_bytes());
  }
};

}  // namespace genarm::cpu
