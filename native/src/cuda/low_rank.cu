// y += scale * B (C (A x)), see LowRank of backend.h and cpu/low_rank.cpp; in f32.
//
// Two kernels: u = C (A x) by a block a row, a warp a row of A; then a thread for each number of y. Bound by latency:
// an adapter is a thousandth of the layer's bytes.
#include "cuda/low_rank.h"
#include "cuda/warp.cuh"

namespace genarm::cuda {
namespace {

constexpr int kThreads = 256;

__device__ __forceinline__ float input_at(const LowRankInput& in, int64_t row, int column, float scale) {
  if (!in.x) return in.hidden[row * in.hidden_stride + column] * scale * in.norm[column];
  const int64_t at = row * in.x_stride + column;
  return to_float(in.x[at]) + (in.low ? to_float(in.low[at]) : 0);
}

// Number r of C t.
__device__ __forceinline__ float mixed(const LowRankUpdate& p, int64_t row, int r, const float* t) {
  if (!p.w1) return t[r];
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

__global__ void __launch_bounds__(kThreads) shrink_kernel(const __grid_constant__ LowRankUpdate p) {
  grid_launch_dependents();
  const int64_t row = blockIdx.x;
  SMEM_DYN(float, t);  // [rank]

  grid_wait();
  float scale = 1;
  if (!p.input.x) {
    const float* hidden = p.input.hidden + row * p.input.hidden_stride;
    float squares = 0;
    for (int i = int(threadIdx.x); i < p.input.columns; i += kThreads) squares += hidden[i] * hidden[i];
    scale = 1 / sqrtf(block_sum<kThreads>(squares) / float(p.input.columns) + p.input.eps);
  }
  for (int r = int(threadIdx.x) / 32; r < p.rank; r += kThreads / 32) {
    const float* a = p.a + int64_t(r) * p.input.columns;
    float sum = 0;
    for (int c = int(threadIdx.x) % 32; c < p.input.columns; c += 32) sum += a[c] * input_at(p.input, row, c, scale);
    sum = warp_sum(sum);
    if (threadIdx.x % 32 == 0) t[r] = sum;
  }
  __syncthreads();
  for (int r = int(threadIdx.x); r < p.rank; r += kThreads) p.u[row * p.rank + r] = mixed(p, row, r, t);
}

__global__ void __launch_bounds__(kThreads) expand_kernel(const __grid_constant__ LowRankUpdate p) {
  grid_launch_dependents();
  const int o = int(blockIdx.x) * kThreads + int(threadIdx.x);
  const int64_t row = blockIdx.y;

  grid_wait();
  if (o >= p.rows) return;
  const float *b = p.b + int64_t(o) * p.rank, *u = p.u + row * p.rank;
  float sum = 0;
  for (int r = 0; r < p.rank; ++r) sum += b[r] * u[r];
  p.y[row * p.y_stride + o] += p.scale * sum;
}

__global__ void __launch_bounds__(kThreads) clear_kernel(float* values, int64_t size) {
  grid_launch_dependents();
  const int64_t i = int64_t(blockIdx.x) * kThreads + threadIdx.x;

  grid_wait();
  if (i < size) values[i] = 0;
}

unsigned blocks_for(int64_t threads) { return unsigned((threads + kThreads - 1) / kThreads); }

}  // namespace

void add_low_rank(const LowRankUpdate& update, Order order, stream_t stream) {
  if (update.num_rows == 0) return;
  launch(shrink_kernel, Grid(unsigned(update.num_rows), kThreads, order, size_t(update.rank) * sizeof(float)), stream, update);
  launch(expand_kernel, Grid(dim3(blocks_for(update.rows), unsigned(update.num_rows)), kThreads, order), stream, update);
}

void clear(float* values, int64_t size, Order order, stream_t stream) {
  if (size > 0) launch(clear_kernel, Grid(blocks_for(size), kThreads, order), stream, values, size);
}

}  // namespace genarm::cuda
