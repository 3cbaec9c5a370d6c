// A unit of a packed matrix (fragments.h), as a lane holds it: 1 KB of numbers a warp, from memory to the tensor cores.
//
// f16 weights are the sum of two bf16 numbers, exactly (11 bits are 8 and 3), so they meet the same bf16 activations in
// two products. Quantised numbers less their zero are whole numbers below 256, which bf16 holds exactly; each slab is
// summed on its own in f32 and then scaled. So every format multiplies the very weights that it stores.
// The format is the same for a whole block: a branch on it costs a few of a unit's hundred instructions, and matrices
// of different formats share a launch.
#pragma once

#include "cuda/fragments.h"
#include "cuda/ptx_mma.cuh"

namespace genarm::cuda {

struct Unit {
  uint4 number[2];
  uint4 scales;  // of quantised numbers: a word a slab, f16 of rows g and g + 8
  unsigned zeros;

  __device__ __forceinline__ void load(const char* at, Format format, int lane) {
    const char* numbers = at + numbers_at(format) + lane * 16;
    number[0] = load_streaming(numbers);
    number[1] = load_streaming(numbers + kSlabBytes / 2);
    if (format == Format::int8) {
      const uint2 two = *(reinterpret_cast<const uint2*>(at) + lane / 4);
      scales.x = two.x;
      scales.y = two.y;
    } else if (unit_slabs(format) == 4) {
      scales = load_streaming(at + lane / 4 * 16);
      zeros = format == Format::int4_zeros ? *reinterpret_cast<const unsigned*>(at + scale_bytes(format) + lane / 4 * 4)
                                           : 0x88888888u;
    }
  }
};

// sum += the products of a slab's fragments with the activations of each group of eight rows.
template <int kGroups>
__device__ __forceinline__ void add_slab(float (&sum)[kGroups][4], uint4 first, uint4 second, const uint4 (&b)[kGroups]) {
#pragma unroll
  for (int g = 0; g < kGroups; ++g) mma<bf16>(sum[g], first, make_uint2(b[g].x, b[g].y));
#pragma unroll
  for (int g = 0; g < kGroups; ++g) mma<bf16>(sum[g], second, make_uint2(b[g].z, b[g].w));
}

// sum += scale * the slab's products.
template <int kGroups>
__device__ __forceinline__ void add_scaled(float (&sum)[kGroups][4], uint4 first, uint4 second, unsigned scales,
                                           const uint4 (&b)[kGroups]) {
  const float upper = to_float(f16{uint16_t(scales)}), lower = to_float(f16{uint16_t(scales >> 16)});
#pragma unroll
  for (int g = 0; g < kGroups; ++g) {
    float d[4] = {};
    mma<bf16>(d, first, make_uint2(b[g].x, b[g].y));
    mma<bf16>(d, second, make_uint2(b[g].z, b[g].w));
    sum[g][0] += upper * d[0];
    sum[g][1] += upper * d[1];
    sum[g][2] += lower * d[2];
    sum[g][3] += lower * d[3];
  }
}

// Two f16 as what bf16 holds of them, and what is missing.
struct Halves {
  uint4 high, low;
};
__device__ __forceinline__ void split(unsigned pair, unsigned& high, unsigned& low) {
  const float x = to_float(f16{uint16_t(pair)}), y = to_float(f16{uint16_t(pair >> 16)});
  high = pack<bf16>(x, y);
  low = pack<bf16>(x - __uint_as_float(high << 16), y - __uint_as_float(high & 0xffff0000u));
}
__device__ __forceinline__ Halves halves(uint4 v) {
  Halves h;
  split(v.x, h.high.x, h.low.x);
  split(v.y, h.high.y, h.low.y);
  split(v.z, h.high.z, h.low.z);
  split(v.w, h.high.w, h.low.w);
  return h;
}

// Two bytes less 128: in the low bits of 2^23 a byte is a float.
__device__ __forceinline__ unsigned byte_pair(unsigned word, int shift) {
  const float low = __uint_as_float(0x4b000000u | (word >> shift & 0xff)) - (0x1p23f + 128);
  const float high = __uint_as_float(0x4b000000u | (word >> (shift + 8) & 0xff)) - (0x1p23f + 128);
  return pack<bf16>(low, high);
}
__device__ __forceinline__ uint4 from_bytes(unsigned a, unsigned b) {
  return make_uint4(byte_pair(a, 0), byte_pair(a, 16), byte_pair(b, 0), byte_pair(b, 16));
}

// Eight half bytes less their rows' zeros, minus 128 + zero twice in upper and in lower: in the low bits of 128 half a
// byte is a bf16.
__device__ __forceinline__ uint4 from_half_bytes(unsigned word, unsigned upper, unsigned lower) {
  return make_uint4(add_pairs((word & 0x000f000fu) | 0x43004300u, upper),
                    add_pairs((word >> 4 & 0x000f000fu) | 0x43004300u, lower),
                    add_pairs((word >> 8 & 0x000f000fu) | 0x43004300u, upper),
                    add_pairs((word >> 12 & 0x000f000fu) | 0x43004300u, lower));
}

__device__ __forceinline__ unsigned word_of(const uint4& words, int i) {
  return i == 0 ? words.x : i == 1 ? words.y : i == 2 ? words.z : words.w;
}

// Slab `slab` of a unit.
template <int kGroups>
__device__ __forceinline__ void add_half_bytes(float (&sum)[kGroups][4], const Unit& u, int slab,
                                               const uint4 (&b)[kGroups]) {
  const uint4 n = slab < 2 ? u.number[0] : u.number[1];
  const unsigned upper = 0xc300c300u | (u.zeros >> 8 * slab & 15) * 0x10001u;
  const unsigned lower = 0xc300c300u | (u.zeros >> (8 * slab + 4) & 15) * 0x10001u;
  const uint4 first = from_half_bytes(slab % 2 == 0 ? n.x : n.z, upper, lower);
  const uint4 second = from_half_bytes(slab % 2 == 0 ? n.y : n.w, upper, lower);
  add_scaled(sum, first, second, word_of(u.scales, slab), b);
}

// Adds one slab of a unit of any format.
template <int kGroups>
__device__ __forceinline__ void add_unit_slab(float (&sum)[kGroups][4], const Unit& u, Format format, int slab,
                                              const uint4 (&b)[kGroups]) {
  if (format == Format::bf16) {
    add_slab(sum, u.number[0], u.number[1], b);
  } else if (format == Format::f16) {
    const Halves first = halves(u.number[0]), second = halves(u.number[1]);
    add_slab(sum, first.high, second.high, b);
    add_slab(sum, first.low, second.low, b);
  } else if (format == Format::int8) {
    const uint4 n = slab == 0 ? u.number[0] : u.number[1];
    add_scaled(sum, from_bytes(n.x, n.y), from_bytes(n.z, n.w), slab == 0 ? u.scales.x : u.scales.y, b);
  } else {
    add_half_bytes(sum, u, slab, b);
  }
}

// One weight, for the embedding.
__device__ __forceinline__ float weight_at(const Weight& w, int64_t row, int column) {
  const int slabs = unit_slabs(w.format), slab = column / kSlabColumns % slabs, lane = int(row % 8) * 4 + column % 32 / 8;
  const int step = column % 8 / 4, reg = int(row % kTileRows / 8) + column % 4 / 2 * 2, odd = column % 2;
  const char* unit = static_cast<const char*>(w.data) + row / kTileRows * tile_bytes(w.columns, w.format) +
                     int64_t(column / (kSlabColumns * slabs)) * unit_bytes(w.format);
  const char* numbers = unit + numbers_at(w.format);
  if (slabs == 1) {
    const auto bits = reinterpret_cast<const uint16_t*>(numbers + step * kSlabBytes / 2 + lane * 16)[reg * 2 + odd];
    return w.format == Format::bf16 ? to_float(bf16{bits}) : to_float(f16{bits});
  }
  const int lower = int(row % kTileRows / 8), pair = (int(row % 8) * slabs + slab) * 2 + lower;
  const float scale = to_float(f16{reinterpret_cast<const uint16_t*>(unit)[pair]});
  if (w.format == Format::int8)
    return scale * float(int(reinterpret_cast<const uint8_t*>(numbers)[slab * 512 + lane * 16 + step * 8 + reg * 2 + odd]) - 128);
  const unsigned word = reinterpret_cast<const unsigned*>(numbers)[slab / 2 * 128 + lane * 4 + slab % 2 * 2 + step];
  const int number = int(word >> (4 * reg + 16 * odd) & 15);
  if (w.format == Format::int4) return scale * float(number - 8);
  const uint8_t zeros = reinterpret_cast<const uint8_t*>(unit + scale_bytes(w.format))[row % 8 * 4 + slab];
  return scale * float(number - (zeros >> 4 * lower & 15));
}

}  // namespace genarm::cuda
