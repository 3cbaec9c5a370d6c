// The core of every decode GEMV: one tile of 16 weight rows times up to 8 rows of activations, by one block.
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

template <class T>
class TileProduct {
 public:
  // tile: this tile's packed weights. Begins to read this warp's share.
  __device__ __forceinline__ TileProduct(const T* tile, int columns) {
    const int num_slabs = int(slabs_of(columns)), warp = int(threadIdx.x) / 32;
    slab_ = num_slabs * warp / kGemvWarps;
    last_ = num_slabs * (warp + 1) / kGemvWarps;
    weights_ = reinterpret_cast<const char*>(tile) + threadIdx.x % 32 * 16;
#pragma unroll
    for (int i = 0; i < kAhead; ++i) load(i, slab_ + i);
  }

  // After grid_wait(). x: [num_rows, columns].
  __device__ __forceinline__ void multiply(const T* x, int64_t x_stride, int columns, int num_rows) {
    const int lane = int(threadIdx.x) % 32, row = lane / 4;
    const T* mine = row < num_rows ? x + row * x_stride : nullptr;
    for (; slab_ < last_; slab_ += kAhead) {
#pragma unroll
      for (int i = 0; i < kAhead; ++i) {
        if (slab_ + i >= last_) break;
        const uint4 b = load_activations(mine, (slab_ + i) * kSlabColumns + lane % 4 * 8, columns);
        mma<T>(even_, ahead_[i][0], make_uint2(b.x, b.y));
        mma<T>(odd_, ahead_[i][1], make_uint2(b.z, b.w));
        load(i, slab_ + i + kAhead);
      }
    }
  }

  // The block's sums: for thread m + 16 n of the first 128, of weight row m and activation row n. The whole block calls.
  __device__ __forceinline__ float sum() {
    // 20, not 16: the lanes of a warp write to 32 different banks.
    SMEM(float, part, [kGemvWarps][kGemvRows][20]);
    const int lane = int(threadIdx.x) % 32, warp = int(threadIdx.x) / 32;
#pragma unroll
    for (int i = 0; i < 4; ++i) part[warp][lane % 4 * 2 + i % 2][lane / 4 + i / 2 * 8] = even_[i] + odd_[i];
    __syncthreads();
    if (threadIdx.x >= kTileRows * kGemvRows) return 0;
    float total = 0;
#pragma unroll
    for (int w = 0; w < kGemvWarps; ++w) total += part[w][threadIdx.x / kTileRows][threadIdx.x % kTileRows];
    return total;
  }

 private:
  __device__ __forceinline__ void load(int i, int slab) {
    if (slab >= last_) return;
    const char* at = weights_ + int64_t(slab) * kSlabBytes;
    ahead_[i][0] = load_streaming(at);
    ahead_[i][1] = load_streaming(at + kSlabBytes / 2);
  }

  // Eight numbers from column `first` on; 0 beyond the row's end, whatever memory holds there.
  __device__ __forceinline__ uint4 load_activations(const T* row, int first, int columns) {
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

  const char* weights_;
  int slab_, last_;
  uint4 ahead_[kAhead][2];
  float even_[4] = {}, odd_[4] = {};  // two chains: an mma need not wait for the one before
};

}  // namespace genarm::cuda
