// Tensor core instructions and the loads of their fragments. Lane l holds g = l / 4, q = l % 4 of a fragment:
//   A [16, 16]: x: (g, 2q), y: (g + 8, 2q), z: (g, 2q + 8), w: (g + 8, 2q + 8), each with the next column above it
//   B [16, 8]:  x: (2q, g), y: (2q + 8, g), each with the next row above it
//   D [16, 8]:  0: (g, 2q), 1: (g, 2q + 1), 2: (g + 8, 2q), 3: (g + 8, 2q + 1)
// (row, column); of the int8 A [16, 32] and B [32, 8] the registers hold 4 numbers, so 2q is 4q and + 8 is + 16.
#pragma once

#include <type_traits>

#include "cuda/ptx.cuh"

namespace genarm::cuda {

#ifndef __CUDACC__
namespace twin {

struct MmaIn {
  uint4 a;
  uint2 b;
};

// Sums in double and rounds once; tensor cores round otherwise, within a few ulp of the largest product.
template <class T>
void run_mma(simt::Lane* lanes, uint32_t) {
  double a[16][16], b[16][8];
  const auto half = [](unsigned word, int i) { return double(to_float(T{uint16_t(word >> 16 * i)})); };
  for (int lane = 0; lane < 32; ++lane) {
    const MmaIn& in = *static_cast<const MmaIn*>(lanes[lane].in);
    const int g = lane / 4, q = lane % 4;
    for (int i = 0; i < 2; ++i) {
      a[g][2 * q + i] = half(in.a.x, i);
      a[g + 8][2 * q + i] = half(in.a.y, i);
      a[g][2 * q + 8 + i] = half(in.a.z, i);
      a[g + 8][2 * q + 8 + i] = half(in.a.w, i);
      b[2 * q + i][g] = half(in.b.x, i);
      b[2 * q + 8 + i][g] = half(in.b.y, i);
    }
  }
  double d[16][8] = {};
  for (int m = 0; m < 16; ++m)
    for (int k = 0; k < 16; ++k)
      for (int n = 0; n < 8; ++n) d[m][n] += a[m][k] * b[k][n];
  for (int lane = 0; lane < 32; ++lane) {
    auto* out = static_cast<float*>(lanes[lane].out);
    for (int i = 0; i < 4; ++i) out[i] = float(out[i] + d[lane / 4 + i / 2 * 8][lane % 4 * 2 + i % 2]);
  }
}
template <class T>
inline const simt::Collective mma = {"mma.m16n8k16", run_mma<T>, true, false};

inline void run_mma_int8(simt::Lane* lanes, uint32_t) {
  const auto byte = [](unsigned word, int i) { return int(int8_t(word >> 8 * i)); };
  int a[16][32], b[32][8];
  for (int lane = 0; lane < 32; ++lane) {
    const MmaIn& in = *static_cast<const MmaIn*>(lanes[lane].in);
    const int g = lane / 4, q = lane % 4;
    for (int i = 0; i < 4; ++i) {
      a[g][4 * q + i] = byte(in.a.x, i);
      a[g + 8][4 * q + i] = byte(in.a.y, i);
      a[g][4 * q + 16 + i] = byte(in.a.z, i);
      a[g + 8][4 * q + 16 + i] = byte(in.a.w, i);
      b[4 * q + i][g] = byte(in.b.x, i);
      b[4 * q + 16 + i][g] = byte(in.b.y, i);
    }
  }
  for (int lane = 0; lane < 32; ++lane)
    for (int i = 0; i < 4; ++i)
      for (int k = 0; k < 32; ++k)
        static_cast<int*>(lanes[lane].out)[i] += a[lane / 4 + i / 2 * 8][k] * b[k][lane % 4 * 2 + i % 2];
}
inline const simt::Collective mma_int8 = {"mma.m16n8k32.s8", run_mma_int8, true, false};

// Every lane has read the 16 bytes of its own row.
inline void run_ldmatrix(simt::Lane* lanes, uint32_t) {
  for (int lane = 0; lane < 32; ++lane)
    for (int matrix = 0; matrix < 4; ++matrix)
      memcpy(static_cast<char*>(lanes[lane].out) + 4 * matrix,
             static_cast<const char*>(lanes[8 * matrix + lane / 4].in) + lane % 4 * 4, 4);
}
inline const simt::Collective ldmatrix = {"ldmatrix", run_ldmatrix, true, false};

inline void run_ldmatrix_transposed(simt::Lane* lanes, uint32_t) {
  for (int lane = 0; lane < 32; ++lane)
    for (int matrix = 0; matrix < 4; ++matrix)
      for (int i = 0; i < 2; ++i)
        memcpy(static_cast<char*>(lanes[lane].out) + 4 * matrix + 2 * i,
               static_cast<const char*>(lanes[8 * matrix + lane % 4 * 2 + i].in) + lane / 4 * 2, 2);
}
inline const simt::Collective ldmatrix_transposed = {"ldmatrix.trans", run_ldmatrix_transposed, true, false};

inline uint4 load_matrices(const simt::Collective& op, const void* row, const char* file, int line) {
  if (!simt::is_shared(row, 16)) simt::fault("%s at %s:%d: %p is not in shared memory", op.name, file, line, row);
  const uint4 in = load_aligned(row, op.name, SIMT_AT);
  uint4 out = {};
  simt::collective(op, 0xffffffffu, &in, &out, SIMT_AT);
  return out;
}

}  // namespace twin
#endif

// d += A B, T: bf16 or f16.
template <class T>
__device__ __forceinline__ void mma(float (&d)[4], uint4 a, uint2 b SITE) {
#ifdef __CUDACC__
  if constexpr (std::is_same_v<T, bf16>)
    asm volatile(
        "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
        : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
        : "r"(a.x), "r"(a.y), "r"(a.z), "r"(a.w), "r"(b.x), "r"(b.y));
  else
    asm volatile(
        "mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
        : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
        : "r"(a.x), "r"(a.y), "r"(a.z), "r"(a.w), "r"(b.x), "r"(b.y));
#else
  const twin::MmaIn in = {a, b};
  simt::collective(twin::mma<T>, 0xffffffffu, &in, d, SIMT_AT);
#endif
}

// d += A B over int8, exactly.
__device__ __forceinline__ void mma_int8(int (&d)[4], uint4 a, uint2 b SITE) {
#ifdef __CUDACC__
  asm volatile(
      "mma.sync.aligned.m16n8k32.row.col.s32.s8.s8.s32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
      : "+r"(d[0]), "+r"(d[1]), "+r"(d[2]), "+r"(d[3])
      : "r"(a.x), "r"(a.y), "r"(a.z), "r"(a.w), "r"(b.x), "r"(b.y));
#else
  const twin::MmaIn in = {a, b};
  simt::collective(twin::mma_int8, 0xffffffffu, &in, d, SIMT_AT);
#endif
}

// Four 8 x 8 matrices of 16-bit numbers from shared memory: lane l names row l % 8 of matrix l / 8 and receives
// (g, 2q), (g, 2q + 1) of each.
__device__ __forceinline__ uint4 ldmatrix(const void* row SITE) {
#ifdef __CUDACC__
  uint4 v;
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
               : "=r"(v.x), "=r"(v.y), "=r"(v.z), "=r"(v.w)
               : "r"(unsigned(__cvta_generic_to_shared(row)))
               : "memory");
  return v;
#else
  return twin::load_matrices(twin::ldmatrix, row, SIMT_AT);
#endif
}

// As ldmatrix, but each lane receives (2q, g), (2q + 1, g).
__device__ __forceinline__ uint4 ldmatrix_transposed(const void* row SITE) {
#ifdef __CUDACC__
  uint4 v;
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0, %1, %2, %3}, [%4];"
               : "=r"(v.x), "=r"(v.y), "=r"(v.z), "=r"(v.w)
               : "r"(unsigned(__cvta_generic_to_shared(row)))
               : "memory");
  return v;
#else
  return twin::load_matrices(twin::ldmatrix_transposed, row, SIMT_AT);
#endif
}

}  // namespace genarm::cuda
