// Matrix products of training, see train/cpu/gemm.h: a block computes 64 x 64 of C from slices of A and B in shared memory.
//
// f32: a thread computes 4 x 4, each in the order of k. Bound by shared memory and the f32 multipliers.
// bf16 factors: a warp computes 16 x 32 with tensor cores, which sum 16 of k at a time in f32. Factors are read as f32 and
// rounded on the way into shared memory. Bound by these reads: A and B pass once for each 64 columns and rows of C.
#include "cuda/ptx_mma.cuh"
#include "cuda/train_kernels.h"

namespace genarm::cuda {
namespace {

constexpr int kThreads = 256, kTile = 64, kDepth = 16, kEach = 4;

// slice[k][i] = x(first + i, k0 + k), zeros outside; neighbours read along the direction that is contiguous.
__device__ __forceinline__ void load_slice(float (*slice)[kTile + 1], const float* x, int64_t row, int64_t column,
                                           int64_t first, int64_t rows, int64_t k0, int64_t depth) {
  for (int e = int(threadIdx.x); e < kTile * kDepth; e += kThreads) {
    const int k = column == 1 ? e % kDepth : e / kTile, i = column == 1 ? e / kDepth : e % kTile;
    const bool inside = first + i < rows && k0 + k < depth;
    slice[k][i] = inside ? x[(first + i) * row + (k0 + k) * column] : 0.0f;
  }
}

__global__ void __launch_bounds__(kThreads) gemm_kernel(const __grid_constant__ Gemm p) {
  SMEM(float, a, [kDepth][kTile + 1]);
  SMEM(float, b, [kDepth][kTile + 1]);
  const int64_t i0 = int64_t(blockIdx.y) * kTile, j0 = int64_t(blockIdx.x) * kTile;
  const int ti = int(threadIdx.x) / 16 * kEach, tj = int(threadIdx.x) % 16 * kEach;

  float sum[kEach][kEach];
#pragma unroll
  for (int i = 0; i < kEach; ++i) {
#pragma unroll
    for (int j = 0; j < kEach; ++j) {
      const bool starts = p.start && i0 + ti + i < p.m && j0 + tj + j < p.n;
      sum[i][j] = starts ? p.start[(i0 + ti + i) * p.start_row + j0 + tj + j] : 0.0f;
    }
  }
  for (int64_t k0 = 0; k0 < p.k; k0 += kDepth) {
    load_slice(a, p.a, p.a_row, p.a_column, i0, p.m, k0, p.k);
    load_slice(b, p.b, p.b_column, p.b_row, j0, p.n, k0, p.k);
    __syncthreads();
    const int depth = p.k - k0 < kDepth ? int(p.k - k0) : kDepth;
    for (int k = 0; k < depth; ++k) {
#pragma unroll
      for (int i = 0; i < kEach; ++i) {
#pragma unroll
        for (int j = 0; j < kEach; ++j) sum[i][j] = fmaf(a[k][ti + i], b[k][tj + j], sum[i][j]);
      }
    }
    __syncthreads();
  }
#pragma unroll
  for (int i = 0; i < kEach; ++i) {
#pragma unroll
    for (int j = 0; j < kEach; ++j) {
      if (i0 + ti + i < p.m && j0 + tj + j < p.n) p.c[(i0 + ti + i) * p.ldc + j0 + tj + j] = sum[i][j];
    }
  }
}

constexpr int kRoundedDepth = 32, kPairs = kRoundedDepth / 2;
constexpr int kPairStride = kPairs + 4;  // words of a slice's row: the eight rows of a fragment fall into distinct banks

// slice[i] holds x(first + i, k0 ..) as pairs of bf16, zeros outside; neighbours read as above.
__device__ __forceinline__ void load_rounded(unsigned (*slice)[kPairStride], const float* x, int64_t row, int64_t column,
                                             int64_t first, int64_t rows, int64_t k0, int64_t depth) {
  for (int e = int(threadIdx.x); e < kTile * kPairs; e += kThreads) {
    const int pair = column == 1 ? e % kPairs : e / kTile, i = column == 1 ? e / kPairs : e % kTile;
    const int64_t k = k0 + 2 * pair;
    const float* at = x + (first + i) * row + k * column;
    const bool low = first + i < rows && k < depth, high = first + i < rows && k + 1 < depth;
    slice[i][pair] = pack<bf16>(low ? at[0] : 0.0f, high ? at[column] : 0.0f);
  }
}

constexpr int kWarpRows = 16, kWarpTiles = 4;  // 4 x 2 warps, each four tiles of 8 columns

// sum[t][r] is element (r / 2 * 8, t * 8 + r % 2) from (i, j); see ptx_mma.cuh.
__device__ __forceinline__ void start_sums(float (*sum)[4], const Gemm& p, int64_t i, int64_t j) {
#pragma unroll
  for (int e = 0; e < 4 * kWarpTiles; ++e) {
    const int64_t row = i + e % 4 / 2 * 8, column = j + e / 4 * 8 + e % 2;
    const bool starts = p.start && row < p.m && column < p.n;
    sum[e / 4][e % 4] = starts ? p.start[row * p.start_row + column] : 0.0f;
  }
}

__device__ __forceinline__ void store_sums(const float (*sum)[4], const Gemm& p, int64_t i, int64_t j) {
#pragma unroll
  for (int e = 0; e < 4 * kWarpTiles; ++e) {
    const int64_t row = i + e % 4 / 2 * 8, column = j + e / 4 * 8 + e % 2;
    if (row < p.m && column < p.n) p.c[row * p.ldc + column] = sum[e / 4][e % 4];
  }
}

__global__ void __launch_bounds__(kThreads) rounded_gemm_kernel(const __grid_constant__ Gemm p) {
  SMEM(unsigned, a, [kTile][kPairStride]);
  SMEM(unsigned, b, [kTile][kPairStride]);
  const int64_t i0 = int64_t(blockIdx.y) * kTile, j0 = int64_t(blockIdx.x) * kTile;
  const int warp = int(threadIdx.x) / 32, g = int(threadIdx.x) % 32 / 4, q = int(threadIdx.x) % 4;
  const int i = warp / 2 * kWarpRows + g, j = warp % 2 * 8 * kWarpTiles;

  float sum[kWarpTiles][4];
  start_sums(sum, p, i0 + i, j0 + j + 2 * q);
  for (int64_t k0 = 0; k0 < p.k; k0 += kRoundedDepth) {
    load_rounded(a, p.a, p.a_row, p.a_column, i0, p.m, k0, p.k);
    load_rounded(b, p.b, p.b_column, p.b_row, j0, p.n, k0, p.k);
    __syncthreads();
#pragma unroll
    for (int k = q; k < kPairs; k += 8) {
      const uint4 rows = {a[i][k], a[i + 8][k], a[i][k + 4], a[i + 8][k + 4]};
#pragma unroll
      for (int t = 0; t < kWarpTiles; ++t) mma<bf16>(sum[t], rows, {b[j + t * 8 + g][k], b[j + t * 8 + g][k + 4]});
    }
    __syncthreads();
  }
  store_sums(sum, p, i0 + i, j0 + j + 2 * q);
}

__global__ void __launch_bounds__(kThreads) add_bias_kernel(float* y, const float* bias, int64_t columns) {
  y += int64_t(blockIdx.x) * columns;
  for (int64_t j = threadIdx.x; j < columns; j += kThreads) y[j] += bias[j];
}

__global__ void __launch_bounds__(kThreads) sum_rows_kernel(float* out, const float* y, int64_t rows, int64_t columns) {
  const int64_t j = int64_t(blockIdx.x) * kThreads + threadIdx.x;
  if (j >= columns) return;
  float sum = out[j];
  for (int64_t r = 0; r < rows; ++r) sum += y[r * columns + j];
  out[j] = sum;
}

unsigned blocks_of(int64_t count, int64_t each) { return unsigned((count + each - 1) / each); }

}  // namespace

void train_gemm(const Gemm& gemm, bool rounded, stream_t stream) {
  if (gemm.m == 0 || gemm.n == 0) return;
  const Grid grid(dim3(blocks_of(gemm.n, kTile), blocks_of(gemm.m, kTile)), kThreads, Order::after_previous);
  launch(rounded ? rounded_gemm_kernel : gemm_kernel, grid, stream, gemm);
}

void train_add_bias(float* y, const float* bias, int64_t rows, int64_t columns, stream_t stream) {
  launch(add_bias_kernel, Grid(unsigned(rows), kThreads, Order::after_previous), stream, y, bias, columns);
}

void train_sum_rows(float* out, const float* y, int64_t rows, int64_t columns, stream_t stream) {
  const Grid grid(blocks_of(columns, kThreads), kThreads, Order::after_previous);
  launch(sum_rows_kernel, grid, stream, out, y, rows, columns);
}

}  // namespace genarm::cuda
