// The core of attention: the queries of a block of threads and 64 positions at a time, on tensor cores.
//
// Fragments are those of mma (ptx_mma.cuh): lane 4 g + q of a warp holds queries g and g + 8 of its 16, and of every
// eight columns 2 q and 2 q + 1.
#pragma once

#include "cuda/kernels.h"
#include "cuda/ptx_mma.cuh"
#include "cuda/warp.cuh"

namespace genarm::cuda {

constexpr int kAttentionWarps = 4;
constexpr int kAttentionThreads = 32 * kAttentionWarps;
constexpr int kQueriesOfTile = 16;
constexpr int kTilePositions = 64;
constexpr int kTileSteps = kTilePositions / 16;  // of 16 positions
constexpr float kLog2e = 1.44269504f;
constexpr unsigned kTwoOnes = 0x3f803f80;  // bf16

BOTH_SIDES constexpr int padded_dim(int head_dim) { return (head_dim + 15) / 16 * 16; }

// Shared memory. kMany: 64 queries, each warp 16 of them; otherwise 16. Rows are 16 bytes longer than what they hold:
// eight of them that follow each other lie in different banks.
template <int kDim, bool kMany>
struct AttentionWork {
  static constexpr int kQueries = kQueriesOfTile * (kMany ? kAttentionWarps : 1);
  // Of a warp: steps of a tile that it scores, and eights of columns of v that it adds up.
  static constexpr int kScoreSteps = kMany ? kTileSteps : 1;
  static constexpr int kColumns = kMany ? kDim / 8 : kDim / 8 / kAttentionWarps;

  bf16 q[2][kQueries][kDim + 8];  // times log2(e) / sqrt(head_dim): rounded, and what is missing of it
  bf16 keys[kTilePositions][kDim + 8], values[kTilePositions][kDim + 8];
  uint4 weights[2][kMany ? 1 : kTileSteps][32];   // where warps share a tile: fragments, of each step
  float top[kAttentionWarps][kQueriesOfTile];     // and the largest score of each warp's positions
  int last;
};

// How the sums so far and those of one more block add up: where -infinity is the largest score nothing was seen.
struct Fold {
  float old_factor, new_factor;
  __device__ __forceinline__ float of(float sum, float added) const {
    return __fmaf_rn(sum, old_factor, added * new_factor);
  }
};
__device__ __forceinline__ Fold fold_in(float& top, float& total, float added_top, float added_total) {
  if (added_total == 0) return {1, 0};
  const float higher = fmaxf(top, added_top);
  const Fold fold = {exp2_approx(top - higher), exp2_approx(added_top - higher)};
  top = higher;
  total = fold.of(total, added_total);
  return fold;
}

// Keys and values of a lane and kv head.
struct KvRows {
  const KvPages& cache;
  const int32_t* pages;
  int kv_head;

  // Begins to copy positions [tile, tile + kTilePositions) of the keys, or of the values; beyond [begin, end) they become 0.
  template <int kStride>
  __device__ __forceinline__ void copy(bf16 (&to)[kTilePositions][kStride], bool values, int tile, int begin,
                                       int end) const {
    constexpr int kLanes = 8;  // of a row: 128 bytes beside each other
    const int stride = kv_stride(cache.head_dim), padded = padded_dim(cache.head_dim);
    for (int r = int(threadIdx.x) / kLanes; r < kTilePositions; r += kAttentionThreads / kLanes) {
      const int position = tile + r;
      if (tile + r / 16 * 16 >= end) break;  // a step that nobody reads
      const bool there = position >= begin && position < end;
      const bf16* from = cache.data;
      if (there) {
        const int64_t page = int64_t(pages[position / cache.page_size]) * cache.num_kv_heads + kv_head;
        from += ((page * 2 + (values ? 1 : 0)) * cache.page_size + position % cache.page_size) * stride;
      }
      for (int column = int(threadIdx.x) % kLanes * 8; column < padded; column += kLanes * 8)
        copy_async(&to[r][column], from + (column < stride ? column : 0), there && column < stride ? 16 : 0);
    }
    copy_async_commit();
  }
};

// Two bf16 numbers for each of a pair, whose sum is the number.
__device__ __forceinline__ void pack_sums(unsigned& high, unsigned& low, float a, float b) {
  high = pack<bf16>(a, b);
  low = pack<bf16>(a - __uint_as_float(high << 16), b - __uint_as_float(high & 0xffff0000u));
}

// The weighted values of the block's queries: the parts that this thread holds.
template <int kDim, bool kMany>
class AttentionSums {
 public:
  using Work = AttentionWork<kDim, kMany>;

  __device__ __forceinline__ explicit AttentionSums(Work& work) : work_(work) {}

  // Of queries i = 0, 1 of this thread: which of the block's they are, what positions they see (none: high < low).
  __device__ __forceinline__ int query(int i) const { return first_query() + lane() / 4 + 8 * i; }
  __device__ __forceinline__ void sees(int i, int low, int high) {
    low_[i] = low;
    high_[i] = high;
  }
  __device__ __forceinline__ float top(int i) const { return top_[i]; }
  __device__ __forceinline__ float total(int i) const { return total_[2 * i]; }

  // Whether this thread is the first that holds its queries.
  __device__ __forceinline__ bool is_first() const { return lane() % 4 == 0 && (kMany || warp() == 0); }
  template <class Visit>
  __device__ __forceinline__ void for_each_column(int i, int head_dim, const Visit& visit) const {
#pragma unroll
    for (int c = 0; c < Work::kColumns; ++c) {
#pragma unroll
      for (int j = 0; j < 2; ++j) {
        const int column = first_column() + 8 * c + lane() % 4 * 2 + j;
        if (column < head_dim) visit(column, sum_[c][2 * i + j]);
      }
    }
  }

  // The sums of positions [begin, end) of one block of kAttentionBlock, alone.
  __device__ __forceinline__ void add(int begin, int end, const KvRows& rows) {
    clear();
    const int first_tile = begin / kTilePositions * kTilePositions, dim = rows.cache.head_dim;
    rows.copy(work_.keys, false, first_tile, begin, end);
    for (int tile = first_tile; tile < end; tile += kTilePositions) {
      copy_async_wait<0>();
      __syncthreads();  // keys are there, values were read
      rows.copy(work_.values, true, tile, begin, end);
      float scores[Work::kScoreSteps][2][4] = {};
      score(scores, padded_dim(dim), end - tile);
      float highest[2];
      mask(highest, scores, tile);
      __syncthreads();  // keys were read, tops are written
      const int next = tile + kTilePositions;
      if (next < end) rows.copy(work_.keys, false, next, begin, end);
      uint4 weights[2][Work::kScoreSteps];
      weigh(weights, scores, highest);
      if (next < end) {
        copy_async_wait<1>();
      } else {
        copy_async_wait<0>();
      }
      __syncthreads();  // values and weights are there
      add_values(weights, padded_dim(dim), end - tile);
    }
  }

  // Keeps the sums for fold(), which adds the ones since then.
  __device__ __forceinline__ void keep() {
#pragma unroll
    for (int c = 0; c < Work::kColumns; ++c) {
#pragma unroll
      for (int i = 0; i < 4; ++i) kept_[c][i] = sum_[c][i];
    }
#pragma unroll
    for (int i = 0; i < 2; ++i) {
      kept_top_[i] = top_[i];
      kept_total_[i] = total_[2 * i];
    }
  }
  __device__ __forceinline__ void fold() {
#pragma unroll
    for (int i = 0; i < 2; ++i) {
      const Fold fold = fold_in(kept_top_[i], kept_total_[i], top_[i], total_[2 * i]);
      top_[i] = kept_top_[i];
      total_[2 * i] = kept_total_[i];
#pragma unroll
      for (int c = 0; c < Work::kColumns; ++c) {
#pragma unroll
        for (int j = 2 * i; j < 2 * i + 2; ++j) sum_[c][j] = fold.of(kept_[c][j], sum_[c][j]);
      }
    }
  }

 private:
  __device__ __forceinline__ static int lane() { return int(threadIdx.x) % 32; }
  __device__ __forceinline__ static int warp() { return int(threadIdx.x) / 32; }
  __device__ __forceinline__ static int first_query() { return kMany ? warp() * kQueriesOfTile : 0; }
  __device__ __forceinline__ static int first_step() { return kMany ? 0 : warp(); }
  __device__ __forceinline__ static int first_column() { return kMany ? 0 : warp() * Work::kColumns * 8; }

  __device__ __forceinline__ void clear() {
#pragma unroll
    for (int i = 0; i < 4; ++i) total_[i] = 0;
#pragma unroll
    for (int c = 0; c < Work::kColumns; ++c) {
#pragma unroll
      for (int i = 0; i < 4; ++i) sum_[c][i] = 0;
    }
    top_[0] = top_[1] = -INFINITY;
  }

  // q . k of this warp's queries and positions; `left`: positions from the tile's first on.
  __device__ __forceinline__ void score(float (&scores)[Work::kScoreSteps][2][4], int columns, int left) const {
    const int row = lane() % 16, half = lane() / 16 * 8, key_row = half + lane() % 8, key_half = lane() / 8 % 2 * 8;
#pragma unroll 2
    for (int k = 0; k < columns; k += 16) {
      const uint4 high = ldmatrix(&work_.q[0][first_query() + row][k + half]);
      const uint4 low = ldmatrix(&work_.q[1][first_query() + row][k + half]);
#pragma unroll
      for (int s = 0; s < Work::kScoreSteps; ++s) {
        const int first = (first_step() + s) * 16;
        if (first >= left) break;
        const uint4 key = ldmatrix(&work_.keys[first + key_row][k + key_half]);
        mma<bf16>(scores[s][0], high, make_uint2(key.x, key.y));
        mma<bf16>(scores[s][1], high, make_uint2(key.z, key.w));
        mma<bf16>(scores[s][0], low, make_uint2(key.x, key.y));
        mma<bf16>(scores[s][1], low, make_uint2(key.z, key.w));
      }
    }
  }

  // Scores of positions that a query does not see become -infinity; the largest of each query among the warp's.
  __device__ __forceinline__ void mask(float (&highest)[2], float (&scores)[Work::kScoreSteps][2][4], int tile) const {
#pragma unroll
    for (int i = 0; i < 2; ++i) {
      float top = -INFINITY;
#pragma unroll
      for (int s = 0; s < Work::kScoreSteps; ++s) {
#pragma unroll
        for (int n = 0; n < 4; ++n) {
          const int position = tile + (first_step() + s) * 16 + n / 2 * 8 + lane() % 4 * 2 + n % 2;
          float& score = scores[s][n / 2][2 * i + n % 2];
          if (position < low_[i] || position > high_[i]) score = -INFINITY;
          top = fmaxf(top, score);
        }
      }
      top = fmaxf(top, shuffle_xor(top, 1));
      highest[i] = fmaxf(top, shuffle_xor(top, 2));
      if (!kMany && lane() % 4 == 0) work_.top[warp()][lane() / 4 + 8 * i] = highest[i];
    }
  }

  // Scores become weights, the sums until here are scaled to the largest score seen.
  __device__ __forceinline__ void weigh(uint4 (&weights)[2][Work::kScoreSteps], float (&scores)[Work::kScoreSteps][2][4],
                                        const float (&highest)[2]) {
    float base[2];
#pragma unroll
    for (int i = 0; i < 2; ++i) {
      float top = fmaxf(top_[i], highest[i]);
      if (!kMany) {
#pragma unroll
        for (int w = 0; w < kAttentionWarps; ++w) top = fmaxf(top, work_.top[w][lane() / 4 + 8 * i]);
      }
      base[i] = top == -INFINITY ? 0 : top;
      const float factor = exp2_approx(top_[i] - base[i]);
      top_[i] = top;
#pragma unroll
      for (int j = 2 * i; j < 2 * i + 2; ++j) {
        total_[j] *= factor;
#pragma unroll
        for (int c = 0; c < Work::kColumns; ++c) sum_[c][j] *= factor;
      }
    }
#pragma unroll
    for (int s = 0; s < Work::kScoreSteps; ++s) {
      float (&x)[2][4] = scores[s];
#pragma unroll
      for (int n = 0; n < 2; ++n) {
#pragma unroll
        for (int i = 0; i < 4; ++i) x[n][i] = exp2_approx(x[n][i] - base[i / 2]);
      }
      pack_sums(weights[0][s].x, weights[1][s].x, x[0][0], x[0][1]);
      pack_sums(weights[0][s].y, weights[1][s].y, x[0][2], x[0][3]);
      pack_sums(weights[0][s].z, weights[1][s].z, x[1][0], x[1][1]);
      pack_sums(weights[0][s].w, weights[1][s].w, x[1][2], x[1][3]);
      if (!kMany) {
        work_.weights[0][warp()][lane()] = weights[0][s];
        work_.weights[1][warp()][lane()] = weights[1][s];
      }
    }
  }

  __device__ __forceinline__ void add_values(const uint4 (&weights)[2][Work::kScoreSteps], int columns, int left) {
#pragma unroll
    for (int s = 0; s < kTileSteps; ++s) {
      if (16 * s >= left) break;
      uint4 high, low;
      if constexpr (kMany) {
        high = weights[0][s];
        low = weights[1][s];
      } else {
        high = work_.weights[0][s][lane()];
        low = work_.weights[1][s][lane()];
      }
      const uint2 ones = make_uint2(kTwoOnes, kTwoOnes);
      mma<bf16>(total_, high, ones);
      mma<bf16>(total_, low, ones);
#pragma unroll
      for (int c = 0; c < Work::kColumns; c += 2) {
        const int column = first_column() + 8 * c;
        if (column >= columns) break;
        const uint4 v = ldmatrix_transposed(&work_.values[16 * s + lane() % 16][column + lane() / 16 * 8]);
        mma<bf16>(sum_[c], high, make_uint2(v.x, v.y));
        mma<bf16>(sum_[c + 1], high, make_uint2(v.z, v.w));
        mma<bf16>(sum_[c], low, make_uint2(v.x, v.y));
        mma<bf16>(sum_[c + 1], low, make_uint2(v.z, v.w));
      }
    }
  }

  Work& work_;
  int low_[2], high_[2];
  float top_[2], kept_top_[2], kept_total_[2];
  float total_[4];  // the sum of weights, in every column the same
  float sum_[Work::kColumns][4], kept_[Work::kColumns][4];
};

}  // namespace genarm::cuda
