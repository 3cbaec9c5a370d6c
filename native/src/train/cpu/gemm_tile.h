// What the matrix products in f32 and bf16 share: the tile that they compute, and packing of columns.
#pragma once

#include "gemm.h"

namespace genarm::cpu::GENARM_ISA {
namespace {

#if defined(__AVX512F__)
constexpr int kTileRows = 12, kTileVectors = 2;  // 24 accumulators, two of B, six registers to spare
#elif defined(__AVX2__)
constexpr int kTileRows = 6, kTileVectors = 1;  // 12 accumulators of 8 lanes, two of B, two to spare
#else
constexpr int kTileRows = 4, kTileVectors = 1;
#endif
constexpr int kTileColumns = 16 * kTileVectors;
constexpr int64_t kBlockColumns = 256, kBlockRows = 192;
constexpr size_t kLineBytes = 64;

// What a tile's chains start from: row r at start + r * row, or 0 where start is null.
struct Start {
  const float* start;
  int64_t row;
};

template <int V>
GENARM_INLINE f32x16 load_columns(const float* p, int v, int64_t columns) {
  const int64_t n = columns - 16 * v;
  return n >= 16 ? load(p + 16 * v) : n > 0 ? load_partial(p + 16 * v, int(n)) : zero();
}

template <int V>
GENARM_INLINE void store_columns(float* p, f32x16 value, int v, int64_t columns) {
  const int64_t n = columns - 16 * v;
  if (n >= 16) {
    store(p + 16 * v, value);
  } else if (n > 0) {
    store_partial(p + 16 * v, value, int(n));
  }
}

inline Start start_of(const Product& p, int64_t k0, int64_t i, int64_t j) {
  if (k0 > 0) return {p.c + i * p.ldc + j, p.ldc};
  return {p.start ? p.start + i * p.start_row + j : nullptr, p.start_row};
}

// C[R, columns] from A (rows a_row words apart, or packed [k][kTileRows]) and a panel [k][kTileColumns] of B.
// Factors: what a word of A and of the panel is, a Line of 16 words of the panel, and dot: sum + word times line.
template <class Factors, int R, int V, bool kPacked>
void tile(float* c, int64_t ldc, const typename Factors::Word* a, int64_t a_row, const typename Factors::Word* panel,
          int64_t depth, Start start, int64_t columns) {
  f32x16 sum[R][V];
  GENARM_UNROLL
  for (int r = 0; r < R; ++r) {
    GENARM_UNROLL
    for (int v = 0; v < V; ++v) {
      sum[r][v] = start.start ? load_columns<V>(start.start + r * start.row, v, columns) : zero();
    }
  }
  for (int64_t k = 0; k < depth; ++k, panel += kTileColumns) {
    typename Factors::Line b[V];
    GENARM_UNROLL
    for (int v = 0; v < V; ++v) b[v] = Factors::line(panel + 16 * v);
    GENARM_UNROLL
    for (int r = 0; r < R; ++r) {
      const typename Factors::Word x = kPacked ? a[k * kTileRows + r] : a[r * a_row + k];
      GENARM_UNROLL
      for (int v = 0; v < V; ++v) sum[r][v] = Factors::dot(sum[r][v], b[v], x);
    }
  }
  GENARM_UNROLL
  for (int r = 0; r < R; ++r) {
    GENARM_UNROLL
    for (int v = 0; v < V; ++v) store_columns<V>(c + r * ldc, sum[r][v], v, columns);
  }
}

template <class Factors>
struct TileSet {
  using Word = typename Factors::Word;
  void (*tile[kTileRows + 1][kTileVectors + 1])(float*, int64_t, const Word*, int64_t, const Word*, int64_t, Start, int64_t);
};

template <class Factors, int R, bool kPacked>
constexpr void fill(TileSet<Factors>& set) {
  set.tile[R][1] = tile<Factors, R, 1, kPacked>;
  if constexpr (kTileVectors > 1) set.tile[R][kTileVectors] = tile<Factors, R, kTileVectors, kPacked>;
  if constexpr (R > 1) fill<Factors, R - 1, kPacked>(set);
}
template <class Factors, bool kPacked>
constexpr TileSet<Factors> all_tiles() {
  TileSet<Factors> set{};
  fill<Factors, kTileRows, kPacked>(set);
  return set;
}
// By whether A is packed; tile[rows][vectors].
template <class Factors>
constexpr TileSet<Factors> kTiles[2] = {all_tiles<Factors, false>(), all_tiles<Factors, true>()};

GENARM_INLINE i32x16 load_words(const float* p) { return as_int(load(p)); }
GENARM_INLINE i32x16 load_words(const uint32_t* p) { return load(reinterpret_cast<const int32_t*>(p)); }

// out[k * stride + j] = in[j * in_row + k] of 32-bit words for j < rows, k < columns; zeros for rows <= j < kTileColumns.
template <class T>
inline void transpose(T* out, int64_t stride, const T* in, int64_t in_row, int64_t rows, int64_t columns) {
  static_assert(sizeof(T) == 4, "words of 32 bits");
  const int64_t whole_rows = rows / 4 * 4, whole = columns / 16 * 16;
  for (int64_t j = 0; j < whole_rows; j += 4) {
    for (int64_t k = 0; k < whole; k += 16) {
      i32x16 a[4];
      for (int i = 0; i < 4; ++i) a[i] = load_words(in + (j + i) * in_row + k);
      transpose_parts(a);
      for (int i = 0; i < 4; ++i) {  // part p of vector i is column k + 4 p + i
        int32_t lanes[16];
        store(lanes, a[i]);
        for (int p = 0; p < 4; ++p) memcpy(out + (k + 4 * p + i) * stride + j, lanes + 4 * p, 16);
      }
    }
  }
  const auto rest = [&](int64_t j0, int64_t k0) {
    for (int64_t k = k0; k < columns; ++k) {
      for (int64_t j = j0; j < rows; ++j) out[k * stride + j] = in[j * in_row + k];
    }
  };
  rest(whole_rows, 0);
  if (whole < columns) rest(0, whole);
  for (int64_t k = 0; k < columns && rows < kTileColumns; ++k) {
    for (int64_t j = rows; j < kTileColumns; ++j) out[k * stride + j] = T(0);
  }
}

}  // namespace
}  // namespace genarm::cpu::GENARM_ISA
