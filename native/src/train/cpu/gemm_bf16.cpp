// Matrix products with factors rounded to bf16, sums in f32. A word holds the pair (k, k + 1) of a row of A or of a
// column of B, k even; both factors are packed in words. Bound by the multipliers: one instruction multiplies and adds
// two lines where AVX-512 has BF16; elsewhere a word is widened to two f32 and the result is the same but slower.
#include "gemm_tile.h"

namespace genarm::cpu::GENARM_ISA {
namespace {

constexpr int64_t kBlockPairs = 256;  // A and B blocks: as many bytes as those of f32, twice the depth

GENARM_INLINE float as_f32(uint32_t word) {
  float out;
  memcpy(&out, &word, 4);
  return out;
}

struct Bf16 {
  using Word = uint32_t;
#if defined(__AVX512BF16__)
  struct Line {
    i32x16 pairs;
  };
  GENARM_INLINE static Line line(const uint32_t* b) { return {load_words(b)}; }
  GENARM_INLINE static f32x16 dot(f32x16 sum, Line b, uint32_t a) { return dot_bf16_pairs(sum, b.pairs, a); }
#else
  struct Line {
    f32x16 even, odd;
  };
  GENARM_INLINE static Line line(const uint32_t* b) {
    Line line;
    load_bf16_pairs(b, line.even, line.odd);
    return line;
  }
  GENARM_INLINE static f32x16 dot(f32x16 sum, Line b, uint32_t a) {
    sum = fma(broadcast(as_f32(a << 16)), b.even, sum);
    return fma(broadcast(as_f32(a & 0xffff0000u)), b.odd, sum);
  }
#endif
};

// To nearest, ties to even; the bf16 is the upper half.
GENARM_INLINE i32x16 round_bf16(f32x16 x) {
  const i32x16 word = as_int(x);
  return word + broadcast(int32_t(0x7fff)) + (shift_right<16>(word) & broadcast(int32_t(1)));
}
GENARM_INLINE i32x16 pairs_of(f32x16 even, f32x16 odd) {
  return (shift_right<16>(round_bf16(even)) & broadcast(int32_t(0xffff))) +
         (round_bf16(odd) & broadcast(int32_t(0xffff0000u)));
}

// out[i] = the pair (x[2 i], x[2 i + 1]); what lies beyond n counts as 0.
void round_row(uint32_t* out, const float* x, int64_t n) {
  int64_t i = 0;
#if defined(__AVX512BF16__)
  for (; i + 16 <= n; i += 16) store_bf16_pairs(out + i / 2, load(x + i));
#endif
  for (; i < n; i += 2) {
    uint32_t words[2] = {0, 0};
    memcpy(words, x + i, i + 1 < n ? 8 : 4);
    for (uint32_t& word : words) word += 0x7fff + (word >> 16 & 1);
    out[i / 2] = words[0] >> 16 | (words[1] & 0xffff0000u);
  }
}

// out[j] = the pair (x[j], x[row + j]) for j < n; the second counts as 0 where there is none.
GENARM_INLINE void round_rows(uint32_t* out, const float* x, int64_t row, bool has_second, int n) {
  const f32x16 first = load_partial(x, n), second = has_second ? load_partial(x + row, n) : zero();
  store(reinterpret_cast<int32_t*>(out), pairs_of(first, second));
}

// A block of A or B: `depth` products deep from k0 on, `pairs` words.
struct Depth {
  int64_t k0, depth, pairs;
};

// out[panel][pairs][kTileColumns], zeros beyond the last column.
void pack_b(uint32_t* out, const Product& p, const Depth& d, int64_t n0, int64_t columns) {
  for (int64_t j0 = 0; j0 < columns; j0 += kTileColumns, out += d.pairs * kTileColumns) {
    const int64_t width = smaller(kTileColumns, columns - j0);
    const float* from = p.b + d.k0 * p.b_row + (n0 + j0) * p.b_column;
    if (p.b_column == 1) {
      for (int64_t k = 0; k < d.pairs; ++k) {
        for (int v = 0; v < kTileVectors; ++v) {
          const int64_t n = larger(0, smaller(16, width - 16 * v));
          round_rows(out + k * kTileColumns + 16 * v, from + 2 * k * p.b_row + 16 * v, p.b_row, 2 * k + 1 < d.depth, int(n));
        }
      }
    } else {
      uint32_t rows[kTileColumns * kBlockPairs];
      for (int64_t j = 0; j < width; ++j) round_row(rows + j * d.pairs, from + j * p.b_column, d.depth);
      transpose(out, kTileColumns, rows, d.pairs, width, d.pairs);
    }
  }
}

// Rows that are contiguous: out[row][pairs]. Others: out[tile][pairs][kTileRows], a line of which writes over the next.
void pack_a(uint32_t* out, const Product& p, const Depth& d, int64_t m0, int64_t rows) {
  const float* from = p.a + m0 * p.a_row + d.k0 * p.a_column;
  if (p.a_column == 1) {
    for (int64_t i = 0; i < rows; ++i) round_row(out + i * d.pairs, from + i * p.a_row, d.depth);
    return;
  }
  for (int64_t i0 = 0; i0 < rows; i0 += kTileRows, out += d.pairs * kTileRows) {
    const int height = int(smaller(kTileRows, rows - i0));
    for (int64_t k = 0; k < d.pairs; ++k) {
      round_rows(out + k * kTileRows, from + i0 + 2 * k * p.a_column, p.a_column, 2 * k + 1 < d.depth, height);
    }
  }
}

// Rows [m0, m0 + rows) of C, columns [n0, n0 + columns).
void multiply_packed(const Product& p, const uint32_t* packed_a, const uint32_t* panels, const Depth& d, int64_t m0,
                     int64_t rows, int64_t n0, int64_t columns) {
  const bool tiled = p.a_column != 1;
  for (int64_t j = 0; j < columns; j += kTileColumns, panels += d.pairs * kTileColumns) {
    const int64_t width = smaller(kTileColumns, columns - j);
    const int vectors = width <= 16 ? 1 : kTileVectors;
    for (int64_t i = 0; i < rows; i += kTileRows) {
      const int height = int(smaller(kTileRows, rows - i));
      kTiles<Bf16>[tiled].tile[height][vectors](p.c + (m0 + i) * p.ldc + n0 + j, p.ldc, packed_a + i * d.pairs, d.pairs,
                                                panels, d.pairs, start_of(p, d.k0, m0 + i, n0 + j), width);
    }
  }
}

}  // namespace

void multiply_block_bf16(const Product& p, float* scratch) {
  if (p.k == 0) return multiply_block(p, scratch);
  uint32_t* panels = reinterpret_cast<uint32_t*>(scratch);
  uint32_t* packed_a = panels + kBlockPairs * kBlockColumns;
  for (int64_t k0 = 0; k0 < p.k; k0 += 2 * kBlockPairs) {
    const int64_t depth = smaller(2 * kBlockPairs, p.k - k0);
    const Depth d = {k0, depth, (depth + 1) / 2};
    for (int64_t n0 = 0; n0 < p.n; n0 += kBlockColumns) {
      const int64_t columns = smaller(kBlockColumns, p.n - n0);
      pack_b(panels, p, d, n0, columns);
      for (int64_t m0 = 0; m0 < p.m; m0 += kBlockRows) {
        const int64_t rows = smaller(kBlockRows, p.m - m0);
        pack_a(packed_a, p, d, m0, rows);
        multiply_packed(p, packed_a, panels, d, m0, rows, n0, columns);
      }
    }
  }
}

}  // namespace genarm::cpu::GENARM_ISA
