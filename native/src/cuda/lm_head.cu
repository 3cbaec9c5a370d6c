// lm_head: logits of every x, summed over each sequence's terms, and the draw, see LmHeadArgs of backend.h and
// cpu/lm_head.cpp.
//
// A block goes through a range of the vocabulary, a tile of 16 tokens at a time: the products of every head's rows
// (gemv.cuh; an x is two bf16 rows, high and low, so four of them fill the tensor cores' columns), their sums, and the
// best token so far. Logits stay in shared memory unless a sequence asks for them. The block that ends last takes the
// best of all blocks (a ticket tells it). Bound by bandwidth: the weights, once for every 4 rows, or 16.
#include <algorithm>

#include "cuda/gemv.cuh"
#include "cuda/law.cuh"
#include "cuda/row_update.cuh"
#include "error.h"

namespace genarm::cuda {
namespace {

constexpr int kRowsOfX = 2, kXOfGroup = kGemvRows / kRowsOfX;

// Dynamic shared memory: the logits of a tile [all x][16], then the best token of each sequence.
struct Work {
  float* logits;
  Candidate* best;
};

BOTH_SIDES inline int all_x(const LmHeadLaunch& p) {
  int count = 0;
  for (int i = 0; i < p.num_heads; ++i) count += p.head[i].num_x;
  return count;
}

// Logits of one head's rows for a tile.
template <int kGroups>
__device__ __forceinline__ void multiply_head(float* logits, const HeadInput& head, int tile, float* part) {
  constexpr int kXAtOnce = kGroups * kXOfGroup;
  const int m = int(threadIdx.x) % kTileRows, n = int(threadIdx.x) / kTileRows, token = tile * kTileRows + m;
  for (int first = 0; first < head.num_x; first += kXAtOnce) {
    TileProduct<1, kGroups> product({tile_of(head.weight, tile)}, head.weight.format, head.weight.columns);
    const int count = min(head.num_x - first, kXAtOnce);
    product.multiply(PlainRows(head.x + int64_t(kRowsOfX) * first * head.x_stride, head.x_stride, kRowsOfX * count,
                               head.columns, head.weight.order));
#pragma unroll
    for (int g = 0; g < kGroups; ++g) {
      float sum[1];
      product.sum(part, g, sum);
      // Thread m + 16 n: n is even for a high row, its low row is 16 lanes on.
      const float logit = sum[0] + shuffle_xor(sum[0], kTileRows);
      const int x = first + g * kXOfGroup + n / kRowsOfX;
      if (n < kGemvRows && n % kRowsOfX == 0 && x < first + count) {
        logits[x * kTileRows + m] = logit + (token < head.update_rows ? update_of(head.update, x, token) : 0);
      }
      __syncthreads();
    }
  }
}

// What the sequence adds to a token's logit.
__device__ __forceinline__ float bias_of(const LmHeadLaunch& p, const SamplingPlan& plan, int token) {
  int begin = plan.bias_first, end = begin + plan.num_biases;
  const int last = end;
  while (begin < end) {
    const int middle = (begin + end) / 2;
    if (p.bias_token[middle] < token) {
      begin = middle + 1;
    } else {
      end = middle;
    }
  }
  return begin < last && p.bias_token[begin] == token ? p.bias_value[begin] : 0;
}

// Adds up each sequence's terms for a tile; keeps the best token, or writes the logits.
__device__ __forceinline__ void combine(const Work& work, const LmHeadLaunch& p, int tile) {
  const int lane = int(threadIdx.x) % 32;
  for (int warp_first = int(threadIdx.x) - lane; warp_first < p.num_sequences * kTileRows; warp_first += kGemvThreads) {
    const int s = (warp_first + lane) / kTileRows, m = lane % kTileRows, token = tile * kTileRows + m;
    Candidate mine = no_candidate();
    if (s < p.num_sequences && token < p.vocab_size) {
      float z = 0;
      for (int j = p.first[s]; j < p.first[s + 1]; ++j) {
        int x = p.x_row[j];
        for (int i = 0; i < p.problem[j]; ++i) x += p.head[i].num_x;
        z += work.logits[x * kTileRows + m];
      }
      const SamplingPlan& plan = p.plan[s];
      z += bias_of(p, plan, token);
      if (plan.z_row >= 0) {
        p.z[int64_t(plan.z_row) * p.vocab_size + token] = z;
      } else {
        mine = competitor(plan, score(z, inverse(plan.temperature)), token);
      }
    }
    mine = best_of_lanes(mine, kTileRows / 2);
    if (m == 0 && s < p.num_sequences) work.best[s] = better(work.best[s], mine);
  }
}

// By the last block: the best of all.
__device__ __forceinline__ void choose(const LmHeadLaunch& p) {
  for (int s = int(threadIdx.x) / 32; s < p.num_sequences; s += kGemvWarps) {
    if (p.plan[s].z_row >= 0) continue;
    Candidate best = no_candidate();
    for (int i = int(threadIdx.x) % 32; i < int(gridDim.x); i += 32) best = better(best, p.candidate[s * gridDim.x + i]);
    best = best_of_lanes(best, 16);
    if (threadIdx.x % 32 == 0) p.sampled[s] = best.id;
  }
}

template <int kGroups>
__global__ void __launch_bounds__(kGemvThreads, blocks_of_sm(kGroups)) lm_head_kernel(const __grid_constant__ LmHeadLaunch p) {
  grid_launch_dependents();
  const int num_tiles = int(tiles_of(p.vocab_size));
  const int begin = int(int64_t(num_tiles) * blockIdx.x / gridDim.x), end = int(int64_t(num_tiles) * (blockIdx.x + 1) / gridDim.x);
  SMEM_DYN(float, logits);
  const Work work = {logits, reinterpret_cast<Candidate*>(logits + all_x(p) * kTileRows)};
  SMEM(float, part, [kPartFloats]);

  grid_wait();
  for (int s = int(threadIdx.x); s < p.num_sequences; s += kGemvThreads) work.best[s] = no_candidate();
  __syncthreads();
  for (int tile = begin; tile < end; ++tile) {
    float* of_head = work.logits;
    for (int i = 0; i < p.num_heads; ++i) {
      const HeadInput& head = p.head[i];
      multiply_head<kGroups>(of_head, head, tile, part);
      of_head += p.head[i].num_x * kTileRows;
    }
    combine(work, p, tile);
  }
  __syncthreads();
  for (int s = int(threadIdx.x); s < p.num_sequences; s += kGemvThreads) p.candidate[s * gridDim.x + blockIdx.x] = work.best[s];

  SMEM(int, last, [1]);
  __syncthreads();
  if (threadIdx.x == 0) last[0] = add_acquire_release(p.ticket, 1) == gridDim.x - 1;
  __syncthreads();
  if (!last[0]) return;
  choose(p);
  if (threadIdx.x == 0) *p.ticket = 0;
}

}  // namespace

void lm_head(const LmHeadLaunch& head, Order order, stream_t stream) {
  if (head.num_sequences == 0) return;
  const int count = all_x(head);
  const size_t bytes = size_t(count) * kTileRows * sizeof(float) + size_t(head.num_sequences) * sizeof(Candidate);
  if (bytes > kMaxHeadBytes)
    fail(GA_UNSUPPORTED, "%d rows of the LM heads for %d sequences in one step: %zu bytes, a block holds %zu", count,
         head.num_sequences, bytes, kMaxHeadBytes);
  const unsigned blocks = unsigned(std::min<int64_t>(kHeadBlocks, tiles_of(head.vocab_size)));
  int most = 0;
  for (int i = 0; i < head.num_heads; ++i) most = std::max(most, head.head[i].num_x);
  const Grid grid(blocks, kGemvThreads, order, bytes);
  launch(groups_for(kRowsOfX * most) == 1 ? lm_head_kernel<1> : lm_head_kernel<kManyGroups>, grid, stream, head);
}

}  // namespace genarm::cuda
