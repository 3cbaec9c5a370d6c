// u = C (A x), see LowRank of backend.h and cpu/low_rank.cpp; in f32.
//
// A block computes one number of A x for one row, and of a residual the norm's scale beside it: all updates of a stage
// are one launch of some dozens of blocks. The first numbers of A are read before grid_wait(). Bound by latency: an
// adapter is a thousandth of the layer's bytes, and B u is added by the kernel of the layer.
#include <algorithm>

#include "cuda/low_rank.h"
#include "cuda/warp.cuh"

namespace genarm::cuda {
namespace {

constexpr int kThreads = 256;
constexpr int kAhead = 4;  // loads of A in flight a thread: 4096 columns

struct Updates {
  LowRankInput input;
  LowRankUpdate update[kMaxUpdates];
};

// kWide numbers of a row from `column` on: 1, or 4 where rows are multiples of 4.
template <int kWide>
__device__ __forceinline__ void load_numbers(float (&out)[kWide], const float* row, int column) {
  if constexpr (kWide == 1) {
    out[0] = row[column];
  } else {
    const uint4 v = load_shared_by_blocks(row + column);
    out[0] = __uint_as_float(v.x);
    out[1] = __uint_as_float(v.y);
    out[2] = __uint_as_float(v.z);
    out[3] = __uint_as_float(v.w);
  }
}
template <int kWide>
__device__ __forceinline__ void load_numbers(float (&out)[kWide], const bf16* row, int column) {
  if constexpr (kWide == 1) {
    out[0] = to_float(row[column]);
  } else {
    const uint2 v = *reinterpret_cast<const uint2*>(row + column);
    out[0] = __uint_as_float(v.x << 16);
    out[1] = __uint_as_float(v.x & 0xffff0000u);
    out[2] = __uint_as_float(v.y << 16);
    out[3] = __uint_as_float(v.y & 0xffff0000u);
  }
}

// product += a . x over kWide columns; of a residual x is not scaled yet, and squares += its squares.
template <int kWide>
__device__ __forceinline__ void add_columns(float& product, float& squares, const float (&a)[kWide], const LowRankInput& in,
                                            int64_t row, int column) {
  float x[kWide], other[kWide];
  if (in.x) {
    load_numbers(x, in.x + row * in.x_stride, column);
    if (in.low) load_numbers(other, in.low + row * in.x_stride, column);
  } else {
    load_numbers(x, in.hidden + row * in.hidden_stride, column);
    load_numbers(other, in.norm, column);
  }
#pragma unroll
  for (int i = 0; i < kWide; ++i) {
    squares += x[i] * x[i];
    product += a[i] * (!in.x ? x[i] * other[i] : in.low ? x[i] + other[i] : x[i]);
  }
}

template <int kWide>
__global__ void __launch_bounds__(kThreads, 2) shrink_kernel(const __grid_constant__ Updates updates) {
  grid_launch_dependents();
  const LowRankInput& in = updates.input;
  const LowRankUpdate& p = updates.update[blockIdx.z];
  const int row = int(blockIdx.x), r = int(blockIdx.y), step = kThreads * kWide;
  const int end = r < p.rank && row < p.num_rows ? in.columns : 0;
  const float* a = end > 0 ? p.a + int64_t(r) * in.columns : nullptr;
  float ahead[kAhead][kWide];
#pragma unroll
  for (int i = 0; i < kAhead; ++i) {
    const int column = int(threadIdx.x) * kWide + i * step;
    if (column < end) load_numbers(ahead[i], a, column);
  }

  grid_wait();
  if (r == 0 && row < p.num_rows && threadIdx.x == 0) p.rows[row] = {p.b, p.u + int64_t(row) * p.rank, p.scale, p.rank};
  if (end == 0) return;
  float product = 0, squares = 0;
  for (int first = int(threadIdx.x) * kWide; first < end; first += kAhead * step) {
#pragma unroll
    for (int i = 0; i < kAhead; ++i) {
      const int column = first + i * step, next = column + kAhead * step;
      if (column < end) add_columns(product, squares, ahead[i], in, p.first_row + row, column);
      if (next < end) load_numbers(ahead[i], a, next);
    }
  }
  product = block_sum<kThreads>(product);
  if (!in.x) product *= 1 / sqrtf(block_sum<kThreads>(squares) / float(in.columns) + in.eps);
  if (threadIdx.x == 0) p.u[int64_t(row) * p.rank + r] = product;
}

// Number r of C t.
__device__ __forceinline__ float mixed(const LowRankUpdate& p, int64_t row, int r, const float* t) {
  float sum = 0;
  if (r < p.fixed_rank) {
    for (int j = 0; j < p.fixed_rank; ++j) sum += p.w1[r * p.fixed_rank + j] * t[j];
    return sum;
  }
  const int free_rank = p.rank - p.fixed_rank;
  for (int k = 0; k < p.num_objectives; ++k) {
    const float* w = p.w2 + (int64_t(k) * free_rank + r - p.fixed_rank) * free_rank;
    float product = 0;
    for (int j = 0; j < free_rank; ++j) product += w[j] * t[p.fixed_rank + j];
    sum += p.preference[row * p.preference_stride + k] * product;
  }
  return sum;
}

// A block a row: u = C u.
__global__ void __launch_bounds__(kThreads, 2) mix_kernel(const __grid_constant__ Updates updates) {
  grid_launch_dependents();
  const LowRankUpdate& p = updates.update[blockIdx.y];
  const int64_t row = blockIdx.x;
  SMEM_DYN(float, t);  // [rank]

  grid_wait();
  if (row >= p.num_rows || !p.w1) return;
  float* u = p.u + row * p.rank;
  for (int r = int(threadIdx.x); r < p.rank; r += kThreads) t[r] = u[r];
  __syncthreads();
  for (int r = int(threadIdx.x); r < p.rank; r += kThreads) u[r] = mixed(p, row, r, t);
}

}  // namespace

void shrink(const LowRankInput& input, const LowRankUpdate* updates, int count, Order order, stream_t stream) {
  const int64_t stride = input.x ? input.x_stride : input.hidden_stride;
  const bool wide = input.columns % 4 == 0 && stride % 4 == 0;
  for (int done = 0; done < count; done += kMaxUpdates) {
    Updates batch = {};
    batch.input = input;
    const int size = std::min(kMaxUpdates, count - done);
    int rank = 1, rows = 0, mixed_rank = 0;
    for (int i = 0; i < size; ++i) {
      const LowRankUpdate& each = batch.update[i] = updates[done + i];
      rank = std::max(rank, each.rank);
      rows = std::max(rows, each.num_rows);
      if (each.w1) mixed_rank = std::max(mixed_rank, each.rank);
    }
    if (rows == 0) continue;
    const Grid grid(dim3(unsigned(rows), unsigned(rank), unsigned(size)), kThreads, order);
    launch(wide ? shrink_kernel<4> : shrink_kernel<1>, grid, stream, batch);
    if (mixed_rank > 0)
      launch(mix_kernel, Grid(dim3(unsigned(rows), unsigned(size)), kThreads, order, size_t(mixed_rank) * sizeof(float)), stream, batch);
  }
}

}  // namespace genarm::cuda
