// The core of every decode GEMV: one tile of 16 weight rows (or one of each of two matrices) times up to 8 rows of
// activations, by one block.
//
// Tensor cores for every number of rows: the weights are A, the activations are B, of which up to 8 columns are
// used. Warps share out the columns of W (the k of the sum) in contiguous runs fixed by its width alone, and their
// sums are added in order: a row's result is bit for bit the same for any number of rows.
// Bound by bandwidth: 2 bytes a weight, read once. Each warp keeps kAhead slabs (4 KB) in flight; the first are asked
// for before grid_wait(), so that they travel while the previous kernel ends: 32 KB a block, 64 KB an SM.
#pragma once

#include "cuda/fragments.h"
#include "cuda/ptx_mma.cuh"

namespace genarm::cuda {

constexpr int kGemvWarps = 8;
constexpr int kGemvThreads = 32 * kGemvWarps;
constexpr int kGemvRows = 8;
constexpr int kAhead = 4;

// How a lane finds its activations: load(first) gives the eight numbers of its row from column `first` on, 0 beyond
// the row's end whatever memory holds there, and 0 where the lane has no row.
template <class T>
struct PlainRow {
  const T* row;  // 16-byte aligned, or null
  int columns;

  __device__ __forceinline__ uint4 load(int first) const {
    if (!row || first >= columns) return make_uint4(0, 0, 0, 0);
    if (first + 8 <= columns) return load_shared_by_blocks(row + first);
    unsigned pair[4];
#pragma unroll
    for (int i = 0; i < 4; ++i) {
      const int column = first + 2 * i;
      pair[i] = (column < columns ? row[column].bits : 0u) | (column + 1 < columns ? unsigned(row[column + 1].bits) << 16 : 0u);
    }
    return make_uint4(pair[0], pair[1], pair[2], pair[3]);
  }
};

// The row of activations that this lane feeds to the tensor cores.
__device__ __forceinline__ int row_of_lane() { return int(threadIdx.x) % 32 / 4; }

template <class T, int kTiles = 1>
class TileProduct {
 public:
  // tile: the packed weights of each tile. Begins to read this warp's share.
  __device__ __forceinline__ TileProduct(const T* const (&tile)[kTiles], int columns) {
    const int num_slabs = int(slabs_of(columns)), warp = int(threadIdx.x) / 32;
    slab_ = num_slabs * warp / kGemvWarps;
    last_ = num_slabs * (warp + 1) / kGemvWarps;
#pragma unroll
    for (int t = 0; t < kTiles; ++t) weights_[t] = reinterpret_cast<const char*>(tile[t]) + threadIdx.x % 32 * 16;
#pragma unroll
    for (int i = 0; i < kSlabs; ++i) load(i, slab_ + i);
  }

  // After grid_wait().
  template <class Row>
  __device__ __forceinline__ void multiply(const Row& mine) {
    const int quarter = int(threadIdx.x) % 4 * 8;
    for (; slab_ < last_; slab_ += kSlabs) {
#pragma unroll
      for (int i = 0; i < kSlabs; ++i) {
        if (slab_ + i >= last_) break;
        const uint4 b = mine.load((slab_ + i) * kSlabColumns + quarter);
#pragma unroll
        for (int t = 0; t < kTiles; ++t) {
          mma<T>(even_[t], ahead_[i][t][0], make_uint2(b.x, b.y));
          mma<T>(odd_[t], ahead_[i][t][1], make_uint2(b.z, b.w));
        }
        load(i, slab_ + i + kSlabs);
      }
    }
  }

  // The block's sums, one for each tile: for thread m + 16 n of the first 128, of weight row m and activation row n.
  // The whole block calls; a barrier lies between two calls.
  __device__ __forceinline__ void sum(float (&total)[kTiles]) {
    // 20, not 16: the lanes of a warp write to 32 different banks.
    SMEM(float, part, [kTiles][kGemvWarps][kGemvRows][20]);
    const int lane = int(threadIdx.x) % 32, warp = int(threadIdx.x) / 32;
#pragma unroll
    for (int t = 0; t < kTiles; ++t) {
#pragma unroll
      for (int i = 0; i < 4; ++i)
        part[t][warp][lane % 4 * 2 + i % 2][lane / 4 + i / 2 * 8] = even_[t][i] + odd_[t][i];
    }
    __syncthreads();
#pragma unroll
    for (int t = 0; t < kTiles; ++t) {
      total[t] = 0;
      if (threadIdx.x >= kTileRows * kGemvRows) continue;
#pragma unroll
      for (int w = 0; w < kGemvWarps; ++w) total[t] += part[t][w][threadIdx.x / kTileRows][threadIdx.x % kTileRows];
    }
  }

 private:
  static constexpr int kSlabs = kAhead / kTiles;

  __device__ __forceinline__ void load(int i, int slab) {
    if (slab >= last_) return;
#pragma unroll
    for (int t = 0; t < kTiles; ++t) {
      const char* at = weights_[t] + int64_t(slab) * kSlabBytes;
      ahead_[i][t][0] = load_streaming(at);
      ahead_[i][t][1] = load_streaming(at + kSlabBytes / 2);
    }
  }

  const char* weights_[kTiles];
  int slab_, last_;
  uint4 ahead_[kSlabs][kTiles][2];
  float even_[kTiles][4] = {}, odd_[kTiles][4] = {};  // two chains: an mma need not wait for the one before
};

}  // namespace genarm::cuda
