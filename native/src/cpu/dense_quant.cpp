#include "dense_quant.h"

#include "dense.h"
#include "simd_int.h"

namespace genarm::cpu::GENARM_ISA {
namespace {

constexpr int kLineBytes = 64;
constexpr int kQuads = kBlockColumns / 4;

template <int bits>
constexpr int kLines = kBlockColumns * bits / 32;  // of a block

// What a tile reads: panels from `index` on of a bundle of `width`. A tile of int8 inputs reads the blocks [begin, end), and
// those after the first go on with the sums in `out`.
struct Panels {
  const uint8_t* bundle;
  int64_t width, index;
  int32_t begin, end;
};

// Scales and zeros of 16 rows.
struct Scale {
  f32x16 scale, zero;
};

// at: the scales of a bundle of `width` panels; panel: one of them.
GENARM_INLINE Scale load_scale(const QuantLayout& layout, const uint8_t* at, int64_t width, int64_t panel) {
  Scale s;
  s.scale = load_f16(reinterpret_cast<const uint16_t*>(at + panel * 32));
  s.zero = layout.has_zeros ? to_float(load_bytes(at + width * 32 + panel * 16)) : broadcast(float(layout.middle()));
  return s;
}

// Into the second cache: the first is too small for what is ahead and the inputs.
GENARM_INLINE void fetch(const uint8_t* p) { __builtin_prefetch(p, 0, 2); }

// Where a bundle takes several tiles of int8 inputs, these take its blocks in turns: the lines of later tiles are read along
// with the first one's, and a tile that goes on alone over lines from the cache would leave memory idle.
constexpr int32_t kTurnBlocks = 8;

// How far ahead of its reads a tile of int8 inputs asks for lines, or 0 where that did not help: one of several to a bundle
// for its own of the next turn; one over a whole bundle reads a stream, which the machine follows by itself as long as the
// tile is quick.
template <int bits>
constexpr int64_t fetch_distance(int panels, int rows) {
  if (panels < kBundlePanels) return kTurnBlocks * kBundlePanels * (kBlockColumns * 2 * bits + 32);
  return bits == 8 ? 512 : rows == 1 ? 0 : 6144;
}

// A tile of all panels of a bundle knows their number when it is compiled.
template <int P>
GENARM_INLINE int64_t width_of(int64_t width) {
  return P == kBundlePanels ? kBundlePanels : width;
}

// Column c of a line, as f32.
template <int bits, int c>
GENARM_INLINE f32x16 column(i32x16 line) {
  constexpr int at = bits == 8 ? 8 * c : c < 4 ? 8 * c : 8 * (c - 4) + 4;
  return to_float(shift_right<at>(line) & broadcast(int32_t((1 << bits) - 1)));
}

GENARM_INLINE i32x16 load_line(const uint8_t* p) { return load(reinterpret_cast<const int32_t*>(p)); }

// Columns c and c + 1 of a line, and those after them.
template <int bits, int P, int R, bool ordered, int c = 0>
GENARM_INLINE void add_line(f32x16 (&acc0)[P][R], f32x16 (&acc1)[P][R], const i32x16 (&line)[P],
                            const f32x16 (&scale)[P], const f32x16 (&offset)[P], const float* x, const int32_t* order) {
  const float* even = ordered ? x + int64_t(order[c]) * R : x + c * R;
  const float* odd = ordered ? x + int64_t(order[c + 1]) * R : x + (c + 1) * R;
  GENARM_UNROLL
  for (int p = 0; p < P; ++p) {
    const f32x16 w0 = fma(column<bits, c>(line[p]), scale[p], offset[p]);
    const f32x16 w1 = fma(column<bits, c + 1>(line[p]), scale[p], offset[p]);
    GENARM_UNROLL
    for (int r = 0; r < R; ++r) {
      acc0[p][r] = fma(w0, broadcast(even[r]), acc0[p][r]);
      acc1[p][r] = fma(w1, broadcast(odd[r]), acc1[p][r]);
    }
  }
  if constexpr (c + 2 < 32 / bits) add_line<bits, P, R, ordered, c + 2>(acc0, acc1, line, scale, offset, x, order);
}

// P panels x R rows of f32 inputs. Multiplying u by the scale and adding offset = -scale * zero in one fma is exact,
// for the result is.
template <int bits, int P, int R, bool ordered>
void tile_f32(float* out, const PackedMatrix& matrix, const Panels& panels, const uint8_t* inputs) {
  const QuantLayout layout = matrix.quant;
  const int64_t width = width_of<P>(panels.width);
  const uint8_t* at = panels.bundle;
  const float* x = reinterpret_cast<const float*>(inputs);
  const int32_t* order = matrix.order;
  f32x16 acc0[P][R], acc1[P][R], scale[P], offset[P];
  GENARM_UNROLL
  for (int p = 0; p < P; ++p) {
    scale[p] = offset[p] = zero();
    GENARM_UNROLL
    for (int r = 0; r < R; ++r) acc0[p][r] = acc1[p][r] = zero();
  }
  for (int32_t block = 0; block < layout.num_blocks; ++block) {
    if (block % layout.blocks_per_scale == 0) {
      for (int p = 0; p < P; ++p) {
        const Scale s = load_scale(layout, at, width, panels.index + p);
        scale[p] = s.scale;
        offset[p] = zero() - s.scale * s.zero;
      }
      at += width * layout.scale_bytes();
    }
    for (int l = 0; l < kLines<bits>; ++l, at += width * kLineBytes) {
      i32x16 line[P];
      GENARM_UNROLL
      for (int p = 0; p < P; ++p) line[p] = load_line(at + (panels.index + p) * kLineBytes);
      add_line<bits, P, R, ordered>(acc0, acc1, line, scale, offset, x, order);
      if constexpr (ordered) {
        order += 32 / bits;
      } else {
        x += 32 / bits * R;
      }
    }
  }
  GENARM_UNROLL
  for (int p = 0; p < P; ++p) {
    GENARM_UNROLL
    for (int r = 0; r < R; ++r) store(out + (p * R + r) * 16, acc0[p][r] + acc1[p][r]);
  }
}

// sum[p][r] += the dot products of one block.
template <int bits, int P, int R>
GENARM_INLINE void dot_block(i32x16 (&sum)[P][R], const uint8_t* at, int64_t width, const int32_t* quads) {
  constexpr int64_t ahead = fetch_distance<bits>(P, R);
  GENARM_UNROLL
  for (int l = 0; l < kLines<bits>; ++l) {
    GENARM_UNROLL
    for (int half = 0; half < 8 / bits; ++half) {
      i32x16 x[R];
      GENARM_UNROLL
      for (int r = 0; r < R; ++r) x[r] = broadcast(quads[(l * (8 / bits) + half) * R + r]);
      GENARM_UNROLL
      for (int p = 0; p < P; ++p) {
        const uint8_t* line = at + (l * width + p) * kLineBytes;
        if (half == 0 && ahead > 0) fetch(line + ahead);
        i32x16 w = load_line(line);
        if (half == 1) w = shift_right<4>(w);
        if (bits == 4) w = w & broadcast(0x0f0f0f0f);
        GENARM_UNROLL
        for (int r = 0; r < R; ++r) sum[p][r] = dot<bits>(sum[p][r], w, x[r]);
      }
    }
  }
}

// P panels x R rows of int8 inputs. `own`: every block has a scale of its own, and zeros are the middle.
template <int bits, int P, int R, bool own>
void tile_int8(float* out, const PackedMatrix& matrix, const Panels& panels, const uint8_t* inputs) {
  const QuantLayout layout = matrix.quant;
  const int64_t width = width_of<P>(panels.width), numbers = width * layout.block_bytes();
  const int64_t in_line = panels.index * kLineBytes;
  const uint8_t* at = panels.bundle + layout.scales_at(panels.begin, width);
  inputs += panels.begin * kQuantisedBlockBytes * R;
  f32x16 acc[P][R];
  Scale scale[P];
  GENARM_UNROLL
  for (int p = 0; p < P; ++p) {
    scale[p] = {zero(), zero()};
    GENARM_UNROLL
    for (int r = 0; r < R; ++r) acc[p][r] = panels.begin == 0 ? zero() : load(out + (p * R + r) * 16);
  }
  constexpr int64_t ahead = fetch_distance<bits>(P, R);
  for (int32_t block = panels.begin, left = 0; block < panels.end; ++block, at += numbers) {
    if (own) {
      GENARM_UNROLL
      for (int p = 0; p < P; ++p) {
        const uint8_t* from = at + (panels.index + p) * 32;
        scale[p].scale = load_f16(reinterpret_cast<const uint16_t*>(from));
        if (ahead > 0 && p % 2 == 0) fetch(from + ahead);
      }
      at += width * 32;
    } else if (--left < 0) {
      for (int p = 0; p < P; ++p) {
        scale[p] = load_scale(layout, at, width, panels.index + p);
        scale[p].zero = scale[p].zero * broadcast(0.125f);
      }
      left = layout.blocks_per_scale - 1;
      at += width * layout.scale_bytes();
    }
    const int32_t* quads = reinterpret_cast<const int32_t*>(inputs);
    const float* unit = reinterpret_cast<const float*>(quads + kQuads * R);
    const int32_t* less = quads + (kQuads + 1) * R;
    inputs += kQuantisedBlockBytes * R;
    i32x16 sum[P][R];
    GENARM_UNROLL
    for (int r = 0; r < R; ++r) {
      // The sum of u q less the middle times the sum of q, or less nothing where there are zeros.
      const i32x16 first = !own ? broadcast(int32_t(0)) : bits == 8 ? shift_left<4>(broadcast(less[r])) : broadcast(less[r]);
      GENARM_UNROLL
      for (int p = 0; p < P; ++p) sum[p][r] = first;
    }
    dot_block<bits, P, R>(sum, at + in_line, width, quads);
    GENARM_UNROLL
    for (int p = 0; p < P; ++p) {
      GENARM_UNROLL
      for (int r = 0; r < R; ++r) {
        f32x16 exact = to_float(sum[p][r]);
        if (!own) exact = fma(scale[p].zero, to_float(broadcast(less[r])), exact);
        acc[p][r] = fma(exact, scale[p].scale * broadcast(unit[r]), acc[p][r]);
      }
    }
  }
  GENARM_UNROLL
  for (int p = 0; p < P; ++p) {
    GENARM_UNROLL
    for (int r = 0; r < R; ++r) store(out + (p * R + r) * 16, acc[p][r]);
  }
}

using Tile = void (*)(float*, const PackedMatrix&, const Panels&, const uint8_t* inputs);

enum Kind { f32_8bit, f32_4bit, f32_4bit_ordered, int8_8bit, int8_4bit, int8_4bit_groups, kKinds };

struct TileSet {
  Tile tile[kMaxRows + 1][3][kKinds];  // [rows][log2 of the panels]
};

template <int P, int R>
constexpr void fill_kinds(Tile (&tiles)[kKinds]) {
  tiles[f32_8bit] = tile_f32<8, P, R, false>;
  tiles[f32_4bit] = tile_f32<4, P, R, false>;
  tiles[f32_4bit_ordered] = tile_f32<4, P, R, true>;
  tiles[int8_8bit] = tile_int8<8, P, R, true>;
  tiles[int8_4bit] = tile_int8<4, P, R, true>;
  tiles[int8_4bit_groups] = tile_int8<4, P, R, false>;
}

template <int R>
constexpr void fill(TileSet& set) {
  fill_kinds<1, R>(set.tile[R][0]);
  if constexpr (widest(R) >= 2) fill_kinds<2, R>(set.tile[R][1]);
  if constexpr (widest(R) >= 4) fill_kinds<4, R>(set.tile[R][2]);
  if constexpr (R > 1) fill<R - 1>(set);
}

constexpr TileSet all_tiles() {
  TileSet set{};
  fill<kMaxRows>(set);
  return set;
}

constexpr TileSet kTiles = all_tiles();  // a constant, as in dense.cpp

Kind kind_of(const PackedMatrix& matrix, bool quantised_inputs) {
  if (quantised_inputs && matrix.quant.bits == 8) return int8_8bit;
  if (quantised_inputs) return matrix.quant.has_zeros || matrix.quant.blocks_per_scale != 1 ? int8_4bit_groups : int8_4bit;
  return matrix.quant.bits == 8 ? f32_8bit : matrix.order ? f32_4bit_ordered : f32_4bit;
}

}  // namespace

void quantise_block(uint8_t* out, const float* x, int rows, int row) {
  const f32x16 a = load(x), b = load(x + 16);
  const float largest = reduce_max(maximum(maximum(a, zero() - a), maximum(b, zero() - b)));
  const float unit = largest / 127;
  const float inverse = unit >= 1e-37f ? 1 / unit : 0;  // the inverse of less is infinite
  const i32x16 low = to_int(a * broadcast(inverse)), high = to_int(b * broadcast(inverse));
  int8_t q[kBlockColumns];
  store_bytes(q, low);
  store_bytes(q + 16, high);
  // Zero, or NaN where an input is not finite: the products must not hide it.
  const float finite = reduce_add((a - a) + (b - b)), kept = unit + finite;
  const int32_t less = finite == 0 ? -8 * int32_t(reduce_add(to_float(low) + to_float(high))) : 0;
  for (int i = 0; i < kQuads; ++i) memcpy(out + (i * rows + row) * 4, q + 4 * i, 4);
  memcpy(out + (kQuads * rows + row) * 4, &kept, 4);
  memcpy(out + ((kQuads + 1) * rows + row) * 4, &less, 4);
}

void multiply_quantised(float* out, const PackedMatrix& matrix, int64_t first, int count, const uint8_t* inputs,
                        int rows, bool quantised_inputs) {
  const Kind kind = kind_of(matrix, quantised_inputs);
  const int most = widest(rows);
  for (int done = 0; done < count;) {
    const PanelPlace place = place_panel(matrix, first + done);
    const int32_t in_bundle = int32_t(smaller(count - done, place.width - place.index));
    const int32_t blocks = matrix.quant.num_blocks;
    const bool turns = in_bundle > most && quantised_inputs;
    const int32_t turn = turns ? int32_t(round_up(kTurnBlocks, matrix.quant.blocks_per_scale)) : blocks;
    for (int32_t begin = 0; begin < blocks; begin += turn) {
      const int32_t end = int32_t(smaller(blocks, begin + turn));
      for (int32_t tile = 0; tile < in_bundle;) {
        const int log = most >= 4 && in_bundle - tile >= 4 ? 2 : most >= 2 && in_bundle - tile >= 2 ? 1 : 0;
        const Panels panels{matrix.panels + place.bundle, place.width, place.index + tile, begin, end};
        kTiles.tile[rows][log][kind](out + (done + tile) * rows * 16, matrix, panels, inputs);
        tile += 1 << log;
      }
    }
    done += in_bundle;
  }
}

void read_quantised_row(float* out, const PackedMatrix& matrix, int64_t panel, int lane) {
  const QuantLayout& layout = matrix.quant;
  const PanelPlace place = place_panel(matrix, panel);
  const uint8_t* bundle = matrix.panels + place.bundle;
  for (int64_t first = 0; first < matrix.columns; first += kBlockColumns) {
    const int64_t block = first / kBlockColumns, columns = smaller(kBlockColumns, matrix.columns - first);
    const Scale s = load_scale(layout, bundle + layout.scales_at(block, place.width), place.width, place.index);
    float scale[16], zeros[16];
    store(scale, s.scale);
    store(zeros, s.zero);
    const uint8_t* numbers = bundle + layout.numbers_at(block, place.width) + place.index * kLineBytes + lane * 4;
    const int64_t line = place.width * kLineBytes;
    for (int64_t k = 0; k < columns; ++k) {
      const int u = layout.bits == 8 ? numbers[k / 4 * line + k % 4]
                                     : numbers[k / 8 * line + k % 4] >> (k % 8 >= 4 ? 4 : 0) & 15;
      out[first + k] = scale[lane] * (float(u) - zeros[lane]);
    }
  }
}

}  // namespace genarm::cpu::GENARM_ISA
