#include "tiles.h"

#include "dense.h"

namespace genarm::cpu::GENARM_ISA {
namespace {

// A pass of several rows leaves time to ask for weights early, the next panel's too: panels follow each other.
GENARM_INLINE void fetch_ahead(const uint8_t* p) { __builtin_prefetch(p + 4096); }

// f32 inputs: acc0 sums even columns, acc1 odd ones.
template <class Weights, int P, int R>
struct FmaTile {
  static void run(float* out, const uint8_t* const* panels, const void* inputs, int64_t padded_columns) {
    const float* x = static_cast<const float*>(inputs);
    const uint8_t* panel[P];
    f32x16 acc0[P][R], acc1[P][R];
    GENARM_UNROLL
    for (int p = 0; p < P; ++p) {
      panel[p] = panels[p];
      GENARM_UNROLL
      for (int r = 0; r < R; ++r) acc0[p][r] = acc1[p][r] = zero();
    }
    const int64_t bytes = padded_columns / 2 * Weights::kStep;
    for (int64_t at = 0; at < bytes; at += Weights::kStep, x += 2 * R) {
      GENARM_UNROLL
      for (int p = 0; p < P; ++p) {
        f32x16 even, odd;
        Weights::read(panel[p] + at, even, odd);
        if constexpr (R > 2) fetch_ahead(panel[p] + at);
        GENARM_UNROLL
        for (int r = 0; r < R; ++r) {
          acc0[p][r] = fma(even, broadcast(x[r]), acc0[p][r]);
          acc1[p][r] = fma(odd, broadcast(x[R + r]), acc1[p][r]);
        }
      }
    }
    GENARM_UNROLL
    for (int p = 0; p < P; ++p) {
      GENARM_UNROLL
      for (int r = 0; r < R; ++r) store(out + (p * R + r) * 16, acc0[p][r] + acc1[p][r]);
    }
  }
};

#if defined(__AVX512BF16__)
// Six rows and more: into the second cache, from further away; the first one's few misses at a time hold them up.
GENARM_INLINE void fetch_far(const uint8_t* p) { __builtin_prefetch(p + 8192, 0, 2); }

// bf16 inputs and weights: a step is two lines, acc0 sums the pairs of the first and acc1 those of the second.
template <int P, int R>
struct DotTile {
  static void run(float* out, const uint8_t* const* panels, const void* inputs, int64_t padded_columns) {
    const uint32_t* x = static_cast<const uint32_t*>(inputs);
    const uint8_t* panel[P];
    f32x16 acc0[P][R], acc1[P][R];
    GENARM_UNROLL
    for (int p = 0; p < P; ++p) {
      panel[p] = panels[p];
      GENARM_UNROLL
      for (int r = 0; r < R; ++r) acc0[p][r] = acc1[p][r] = zero();
    }
    const int64_t bytes = padded_columns / 2 * 64;
    for (int64_t at = 0; at < bytes; at += 128, x += 2 * R) {
      GENARM_UNROLL
      for (int p = 0; p < P; ++p) {
        const i32x16 first = load(reinterpret_cast<const int32_t*>(panel[p] + at));
        const i32x16 second = load(reinterpret_cast<const int32_t*>(panel[p] + at + 64));
        if constexpr (R > 5) {
          fetch_far(panel[p] + at), fetch_far(panel[p] + at + 64);
        } else if constexpr (R > 3) {
          fetch_ahead(panel[p] + at), fetch_ahead(panel[p] + at + 64);
        }
        GENARM_UNROLL
        for (int r = 0; r < R; ++r) {
          acc0[p][r] = dot_bf16_pairs(acc0[p][r], first, x[r]);
          acc1[p][r] = dot_bf16_pairs(acc1[p][r], second, x[R + r]);
        }
      }
    }
    GENARM_UNROLL
    for (int p = 0; p < P; ++p) {
      GENARM_UNROLL
      for (int r = 0; r < R; ++r) store(out + (p * R + r) * 16, acc0[p][r] + acc1[p][r]);
    }
  }
};
#endif

template <class Weights>
struct Fma {
  template <int P, int R>
  static constexpr Tile tile() { return FmaTile<Weights, P, R>::run; }
};
#if defined(__AVX512BF16__)
struct Dot {
  template <int P, int R>
  static constexpr Tile tile() { return DotTile<P, R>::run; }
};
#endif

template <class Kind, int R>
constexpr void fill(TileSet& set) {
  set.tile[R][0] = Kind::template tile<1, R>();
  if constexpr (widest(R) >= 2) set.tile[R][1] = Kind::template tile<2, R>();
  if constexpr (widest(R) >= 4) set.tile[R][2] = Kind::template tile<4, R>();
  if constexpr (R > 1) fill<Kind, R - 1>(set);
}

template <class Kind>
constexpr TileSet all_tiles() {
  TileSet set{};
  fill<Kind, kMaxRows>(set);
  return set;
}

// Constants, not initialised at load: that code would run on machines without these instructions.
constexpr TileSet kF32 = all_tiles<Fma<F32Weights>>();
constexpr TileSet kF16 = all_tiles<Fma<F16Weights>>();
constexpr TileSet kBf16 = all_tiles<Fma<Bf16Weights>>();
#if defined(__AVX512BF16__)
constexpr TileSet kBf16Rounded = all_tiles<Dot>();
#endif

}  // namespace

const TileSet& f32_tiles(Dtype weights) {
  return weights == Dtype::f32 ? kF32 : weights == Dtype::f16 ? kF16 : kBf16;
}

const TileSet& bf16_tiles() {
#if defined(__AVX512BF16__)
  return kBf16Rounded;
#else
  return kBf16;  // never asked for: set_activations refuses
#endif
}

}  // namespace genarm::cpu::GENARM_ISA
