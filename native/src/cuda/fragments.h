// The order in which the tensor core kernels read a weight matrix, written once when it is loaded.
//
// A tile is 16 rows, a slab 32 columns. Within a tile slabs follow each other; a slab is two steps of
// mma.m16n8k16, a step is 32 lanes of 16 bytes: exactly the A fragment of each lane (ptx_mma.cuh). So a warp reads
// 512 contiguous bytes a step, straight into registers.
// The columns of a slab are dealt out so that the B fragments of both steps are 8 consecutive numbers of x: lane
// quarter q holds columns 8q .. 8q + 7, step s of them 8q + 4s .. 8q + 4s + 3.
//
// Quantised numbers keep that order in units of two slabs (int8) or four (int4): the scales of the unit, its zeros
// where it has them, then 1 KB of numbers, 16 bytes a lane and load.
//   scales  [8 rows g][slab] words: f16 of row g, f16 of row g + 8
//   zeros   [8 rows g] words: of slab s, row g in bits 8s .. 8s + 3 and row g + 8 in bits 8s + 4 .. 8s + 7
//   int8    [slab][lane] 16 bytes: 8 numbers of step 0, 8 of step 1
//   int4    [pair of slabs][lane] words: slab 0 step 0, step 1, slab 1 step 0, step 1; number 2i of a step in bits
//           4i .. 4i + 3, number 2i + 1 sixteen bits above it
// A weight is scale * (number - zero) with zero 128 (int8), 8 (int4) or its own (int4_zeros): quantise.h.
#pragma once

#include <cstddef>
#include <cstdint>

#ifdef __CUDACC__
#define BOTH_SIDES __host__ __device__
#else
#define BOTH_SIDES
#endif

namespace genarm::cuda {

constexpr int kTileRows = 16;
constexpr int kSlabColumns = 32;
constexpr int kSlabBytes = kTileRows * kSlabColumns * 2;

// How a packed matrix keeps its numbers.
enum class Format : int32_t { bf16, f16, int8, int4, int4_zeros };

// A packed matrix on the device.
struct Weight {
  const void* data;
  const int32_t* order;  // [whole units of columns] the input that each packed column meets, -1: none; null: its own
  int32_t columns;       // packed
  Format format;
};

BOTH_SIDES constexpr int unit_slabs(Format format) {
  return format == Format::int8 ? 2 : format == Format::int4 || format == Format::int4_zeros ? 4 : 1;
}
BOTH_SIDES constexpr int scale_bytes(Format format) { return unit_slabs(format) > 1 ? 32 * unit_slabs(format) : 0; }
BOTH_SIDES constexpr int numbers_at(Format format) {
  return scale_bytes(format) + (format == Format::int4_zeros ? 32 : 0);
}
BOTH_SIDES constexpr int unit_bytes(Format format) { return numbers_at(format) + kSlabBytes; }

BOTH_SIDES constexpr int64_t tiles_of(int64_t rows) { return (rows + kTileRows - 1) / kTileRows; }
BOTH_SIDES constexpr int64_t slabs_of(int64_t columns) { return (columns + kSlabColumns - 1) / kSlabColumns; }
BOTH_SIDES constexpr int64_t units_of(int64_t columns, Format format) {
  return (columns + kSlabColumns * unit_slabs(format) - 1) / (kSlabColumns * unit_slabs(format));
}
BOTH_SIDES constexpr int64_t tile_bytes(int64_t columns, Format format) {
  return units_of(columns, format) * unit_bytes(format);
}

// The 32-bit word of a packed matrix that holds (row, column) and (row, column + 1); column is even.
BOTH_SIDES constexpr int64_t fragment_word(int64_t row, int64_t column, int64_t num_slabs) {
  const int64_t slab = row / kTileRows * num_slabs + column / kSlabColumns;
  const int64_t lane = row % 8 * 4 + column % kSlabColumns / 8, step = column % 8 / 4;
  return slab * (kSlabBytes / 4) + step * (kSlabBytes / 8) + lane * 4 + column % 4 / 2 * 2 + row % kTileRows / 8;
}

// The heads of q, k and v: the rotation joins number i of a head's first half with number i of its second. So tiles
// come in pairs: 16 rows of the first half, then the 16 of the second; the last pair of a head is padded with zeros.
BOTH_SIDES constexpr int pairs_of_head(int head_dim) { return (head_dim / 2 + kTileRows - 1) / kTileRows; }
BOTH_SIDES constexpr int64_t paired_rows(int64_t num_heads, int head_dim) {
  return num_heads * pairs_of_head(head_dim) * 2 * kTileRows;
}

// Bytes of a packed matrix of 16-bit numbers; rows and columns are padded with zeros.
constexpr size_t fragment_bytes(int64_t rows, int64_t columns) {
  return size_t(tiles_of(rows) * slabs_of(columns)) * kSlabBytes;
}

// Packs rows [first_tile * 16, ...) of row-major 16-bit numbers [rows, columns] up to last_tile; out: the tile's place.
void pack_fragments(uint16_t* out, const uint16_t* matrix, int64_t rows, int64_t columns, int64_t first_tile,
                    int64_t last_tile);

// Packs a matrix [num_heads * head_dim, columns] in pairs of tiles: fragment_bytes(paired_rows, columns) bytes.
void pack_head_pairs(uint16_t* out, const uint16_t* matrix, int64_t num_heads, int head_dim, int64_t columns);

}  // namespace genarm::cuda
