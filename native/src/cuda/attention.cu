// out[r, h] = sum_s softmax_s(q[r, h] . k[s] / sqrt(head_dim)) v[s], see AttentionArgs of backend.h and
// cpu/attention.cpp.
//
// A block takes one row, up to four query heads of one kv head, and one block of 256 positions counted from 0: a
// thread a score, then eight numbers of v for a share of the positions. Of rows with several such blocks the one that
// ends last adds them up in order (a ticket tells it), so a row's result does not depend on what ran beside it.
// Bound by bandwidth: 4 * head_dim bytes a position and kv head.
#include <algorithm>

#include "cuda/problems.cuh"
#include "cuda/warp.cuh"

namespace genarm::cuda {
namespace {

constexpr int kThreads = kAttentionBlock;
constexpr int kHeadsOfBlock = 4;
constexpr float kLog2e = 1.44269504f;

// Which part of a problem a block computes.
struct Part {
  int row, kv_head, first_head, num_heads;
};

BOTH_SIDES constexpr int head_groups(int num_heads, int num_kv_heads) {
  return (num_heads / num_kv_heads + kHeadsOfBlock - 1) / kHeadsOfBlock;
}

template <class T>
__device__ __forceinline__ Part part_of(const AttentionProblem<T>& p, int block) {
  const int kv_heads = p.cache.num_kv_heads, group = p.num_heads / kv_heads, parts = head_groups(p.num_heads, kv_heads);
  const int first = block % parts * kHeadsOfBlock, kv_head = block / parts % kv_heads;
  return {block / parts / kv_heads, kv_head, kv_head * group + first, min(group - first, kHeadsOfBlock)};
}

// Eight bf16 numbers.
struct Eight {
  float x[8];
};
__device__ __forceinline__ Eight load_eight(const bf16* p) {
  const uint4 v = load_shared_by_blocks(p);
  const unsigned words[4] = {v.x, v.y, v.z, v.w};
  Eight e;
#pragma unroll
  for (int i = 0; i < 4; ++i) {
    e.x[2 * i] = __uint_as_float(words[i] << 16);
    e.x[2 * i + 1] = __uint_as_float(words[i] & 0xffff0000u);
  }
  return e;
}

// Shared memory of a block.
struct Work {
  float q[kHeadsOfBlock][kMaxHeadDim];           // times log2(e) / sqrt(head_dim)
  float weight[kHeadsOfBlock][kAttentionBlock];  // scores, then 2^(score - max)
  float max[kHeadsOfBlock], sum[kHeadsOfBlock];
  float part[kHeadsOfBlock][8 * kThreads];       // [share of the positions][kv_stride]
  int64_t keys[kAttentionBlock];                 // where each position's keys begin
  int last;
};

// The scores of positions [begin, begin + n), a thread each.
template <class T>
__device__ __forceinline__ void score(Work& work, const AttentionProblem<T>& p, const Part& part, int begin, int n) {
  const KvPages& c = p.cache;
  const int t = int(threadIdx.x), stride = kv_stride(c.head_dim);
  float sum[kHeadsOfBlock] = {};
  if (t < n) {
    const int position = begin + t;
    const int64_t page = p.places.pages[p.places.page_table[part.row] + position / c.page_size];
    const int64_t keys = ((page * c.num_kv_heads + part.kv_head) * 2 * c.page_size + position % c.page_size) * stride;
    work.keys[t] = keys;
    for (int i = 0; i < stride; i += 8) {
      const Eight k = load_eight(c.data + keys + i);
#pragma unroll
      for (int h = 0; h < kHeadsOfBlock; ++h) {
#pragma unroll
        for (int j = 0; j < 8; ++j) sum[h] += work.q[h][i + j] * k.x[j];
      }
    }
  }
#pragma unroll
  for (int h = 0; h < kHeadsOfBlock; ++h) work.weight[h][t] = t < n ? sum[h] : -INFINITY;
}

// Turns the scores of head `warp` into weights.
__device__ __forceinline__ void softmax(Work& work, int num_heads) {
  const int h = int(threadIdx.x) / 32, lane = int(threadIdx.x) % 32;
  if (h >= num_heads) return;
  float top = -INFINITY, total = 0;
  for (int i = lane; i < kAttentionBlock; i += 32) top = fmaxf(top, work.weight[h][i]);
  top = warp_max(top);
  for (int i = lane; i < kAttentionBlock; i += 32) {
    const float weight = exp2_approx(work.weight[h][i] - top);
    work.weight[h][i] = weight;
    total += weight;
  }
  total = warp_sum(total);
  if (lane == 0) {
    work.max[h] = top;
    work.sum[h] = total;
  }
}

// Every thread adds up eight numbers of v over its share of the positions.
__device__ __forceinline__ void add_values(Work& work, const KvPages& c, int n) {
  const int stride = kv_stride(c.head_dim), chunks = stride / 8, shares = kThreads / chunks;
  const int chunk = int(threadIdx.x) % chunks, share = int(threadIdx.x) / chunks;
  if (share >= shares) return;
  float sum[kHeadsOfBlock][8] = {};
  const bf16* values = c.data + int64_t(c.page_size) * stride + chunk * 8;
  for (int s = share; s < n; s += shares) {
    const Eight v = load_eight(values + work.keys[s]);
#pragma unroll
    for (int h = 0; h < kHeadsOfBlock; ++h) {
#pragma unroll
      for (int j = 0; j < 8; ++j) sum[h][j] += work.weight[h][s] * v.x[j];
    }
  }
#pragma unroll
  for (int h = 0; h < kHeadsOfBlock; ++h) {
#pragma unroll
    for (int j = 0; j < 8; ++j) work.part[h][share * stride + chunk * 8 + j] = sum[h][j];
  }
}

// What a block leaves for the merge, [head][block]: the largest score, the sum of weights, the weighted values.
template <class T>
__device__ __forceinline__ float* partial_of(const AttentionProblem<T>& p, int row, int head, int block) {
  return p.partial + ((int64_t(row) * p.num_heads + head) * gridDim.y + block) * (p.cache.head_dim + 2);
}

// The sum over `count` blocks of number i of a head.
template <class T>
__device__ __forceinline__ float merged(const AttentionProblem<T>& p, int row, int head, int i, int count) {
  float top = -INFINITY, total = 0, sum = 0;
  for (int b = 0; b < count; ++b) top = fmaxf(top, partial_of(p, row, head, b)[0]);
  for (int b = 0; b < count; ++b) {
    const float* partial = partial_of(p, row, head, b);
    const float factor = exp2_approx(partial[0] - top);
    total += partial[1] * factor;
    sum += partial[2 + i] * factor;
  }
  return sum / total;
}

template <class T>
__global__ void __launch_bounds__(kThreads, 2)
    attention_kernel(const __grid_constant__ Problems<AttentionProblem<T>> problems) {
  grid_launch_dependents();
  int block;
  const AttentionProblem<T>& p = problems.problem[problem_of_block(problems, int(blockIdx.x), block)];
  const Part part = part_of(p, block);
  const int dim = p.cache.head_dim, stride = kv_stride(dim);
  SMEM_DYN(Work, work);

  grid_wait();
  const int position = p.places.position[part.row];
  const int lowest = p.window > 0 ? max(0, position - p.window + 1) : 0;
  const int first_block = lowest / kAttentionBlock, count = position / kAttentionBlock - first_block + 1;
  if (int(blockIdx.y) >= count) return;
  const int begin = max(lowest, (first_block + int(blockIdx.y)) * kAttentionBlock);
  const int n = min(position + 1, (first_block + int(blockIdx.y) + 1) * kAttentionBlock) - begin;

  const float scale = kLog2e / sqrtf(float(dim));
  for (int i = int(threadIdx.x); i < kHeadsOfBlock * stride; i += kThreads) {
    const int h = i / stride, j = i % stride;
    const bool there = h < part.num_heads && j < dim;
    work->q[h][j] = there ? p.q[part.row * p.q_stride + (part.first_head + h) * dim + j] * scale : 0;
  }
  __syncthreads();
  score(*work, p, part, begin, n);
  __syncthreads();
  softmax(*work, kHeadsOfBlock);
  __syncthreads();
  add_values(*work, p.cache, n);
  __syncthreads();

  const int shares = kThreads / (stride / 8);
  for (int i = int(threadIdx.x); i < part.num_heads * dim; i += kThreads) {
    const int h = i / dim, j = i % dim;
    float sum = 0;
    for (int s = 0; s < shares; ++s) sum += work->part[h][s * stride + j];
    if (count == 1) {
      p.out[part.row * p.out_stride + part.first_head * dim + i] = from_float<T>(sum / work->sum[h]);
    } else {
      float* partial = partial_of(p, part.row, part.first_head + h, int(blockIdx.y));
      partial[2 + j] = sum;
      if (j == 0) {
        partial[0] = work->max[h];
        partial[1] = work->sum[h];
      }
    }
  }
  if (count == 1) return;

  unsigned* ticket = p.ticket + int64_t(part.row) * p.num_heads + part.first_head;
  __syncthreads();
  if (threadIdx.x == 0) work->last = add_acquire_release(ticket, 1) == unsigned(count - 1);
  __syncthreads();
  if (!work->last) return;
  for (int i = int(threadIdx.x); i < part.num_heads * dim; i += kThreads)
    p.out[part.row * p.out_stride + part.first_head * dim + i] =
        from_float<T>(merged(p, part.row, part.first_head + i / dim, i % dim, count));
  if (threadIdx.x == 0) *ticket = 0;
}

}  // namespace

template <class T>
void attention(const AttentionProblem<T>* problems, int num_problems, int max_blocks, Order order, stream_t stream) {
  const auto blocks_of = [](const AttentionProblem<T>& p) {
    return p.num_rows * p.cache.num_kv_heads * head_groups(p.num_heads, p.cache.num_kv_heads);
  };
  for_each_launch(problems, num_problems, blocks_of, [&](const Problems<AttentionProblem<T>>& batch, unsigned blocks) {
    launch(attention_kernel<T>, Grid(dim3(blocks, unsigned(max_blocks)), kThreads, order, sizeof(Work)), stream, batch);
  });
}

template void attention<bf16>(const AttentionProblem<bf16>*, int, int, Order, stream_t);
template void attention<f16>(const AttentionProblem<f16>*, int, int, Order, stream_t);

}  // namespace genarm::cuda
