// The core of every product with few rows: one tile of 16 weight rows (or one of each of two matrices) times 8 rows of
// activations, or 32, by one block.
//
// Tensor cores for every number of rows: the weights are A, the activations are B, of which up to 8 columns are
// used, in one group of rows or four. Warps share out the columns of W (the k of the sum) in contiguous runs fixed by
// its width alone (run_begin), each sums its own in order, one mma after the other, and their sums are added in order: a
// row's result is bit for bit the same for any number of rows, here and in blocked.cuh.
// Bound by bandwidth: weights are read once for every 32 rows. Each warp keeps about 4 KB in flight; the first are
// asked for before grid_wait(), so that they travel while the previous kernel ends: 32 KB a block, 64 KB an SM.
#pragma once

#include "cuda/units.cuh"

namespace genarm::cuda {

constexpr int kGemvWarps = 8;
constexpr int kGemvThreads = 32 * kGemvWarps;
constexpr int kGemvRows = 8;    // of a group
constexpr int kManyGroups = 4;  // of a launch with more than kGemvRows rows
constexpr int kPartFloats = kGemvWarps * kGemvRows * 20;  // shared memory of a tile's sums

// Two blocks on an SM while there is one group, so that the next kernel's blocks begin beside this one's.
constexpr int blocks_of_sm(int groups) { return groups == 1 ? 2 : 1; }

// The first unit of warp `run`'s share of `num_units`.
__device__ __forceinline__ int run_begin(int num_units, int run) { return num_units * run / kGemvWarps; }

// The row of a group that this lane feeds to the tensor cores.
__device__ __forceinline__ int row_of_lane() { return int(threadIdx.x) % 32 / 4; }

// Eight numbers by at(i), a number's bits, one after the other: a rare case that must not take the others' registers.
template <class At>
__device__ __forceinline__ uint4 gather(const At& at) {
  uint4 v = make_uint4(0, 0, 0, 0);
#pragma unroll 1
  for (int i = 7; i >= 0; --i) {
    v.w = v.w << 16 | v.z >> 16;
    v.z = v.z << 16 | v.y >> 16;
    v.y = v.y << 16 | v.x >> 16;
    v.x = v.x << 16 | at(i);
  }
  return v;
}

// How a lane finds its activations: load(group, first) gives the eight numbers of its row of the group that packed
// columns `first` and on meet; 0 beyond the row's end whatever memory holds there, and 0 where the lane has no row.
class PlainRows {
 public:
  // x: 16-byte aligned; stride: a multiple of 8, a row's last load stays within it; order: of Weight.
  __device__ __forceinline__ PlainRows(const bf16* x, int64_t stride, int num_rows, int columns, const int32_t* order)
      : mine_(x + row_of_lane() * stride), group_stride_(kGemvRows * stride), left_(num_rows - row_of_lane()),
        columns_(columns), order_(order) {}

  __device__ __forceinline__ uint4 load(int group, int first) const {
    if (group * kGemvRows >= left_ || (!order_ && first >= columns_)) return make_uint4(0, 0, 0, 0);
    const bf16* row = mine_ + group * group_stride_;
    if (order_)
      return gather([&](int i) {
        const int column = order_[first + i];
        return column >= 0 ? unsigned(row[column].bits) : 0u;
      });
    const uint4 v = load_shared_by_blocks(row + first);
    const int left = columns_ - first;
    return make_uint4(within(v.x, left), within(v.y, left - 2), within(v.z, left - 4), within(v.w, left - 6));
  }

 private:
  // The first `left` numbers of a pair.
  __device__ __forceinline__ static unsigned within(unsigned pair, int left) {
    return left >= 2 ? pair : left == 1 ? pair & 0xffff : 0;
  }

  const bf16* mine_;  // this lane's row of the first group
  int64_t group_stride_;
  int left_, columns_;
  const int32_t* order_;
};

template <int kTiles, int kGroups>
class TileProduct {
 public:
  // tile: the packed weights of each tile, of one format; columns: packed. Begins to read this warp's share.
  __device__ __forceinline__ TileProduct(const char* const (&tile)[kTiles], Format format, int columns) : format_(format) {
    const int num_units = int(units_of(columns, format)), warp = int(threadIdx.x) / 32;
    unit_ = run_begin(num_units, warp);
    last_ = run_begin(num_units, warp + 1);
#pragma unroll
    for (int t = 0; t < kTiles; ++t) weights_[t] = tile[t];
#pragma unroll
    for (int i = 0; i < kUnits; ++i) load(i, unit_ + i);
  }

  // After grid_wait().
  template <class Rows>
  __device__ __forceinline__ void multiply(const Rows& rows) {
    const int quarter = int(threadIdx.x) % 4 * 8, slabs = unit_slabs(format_);
    for (; unit_ < last_; unit_ += kUnits) {
#pragma unroll
      for (int i = 0; i < kUnits; ++i) {
        if (unit_ + i >= last_) break;
#pragma unroll 1
        for (int slab = 0; slab < slabs; ++slab) {
          uint4 b[kGroups];
          const int first = ((unit_ + i) * slabs + slab) * kSlabColumns + quarter;
#pragma unroll
          for (int g = 0; g < kGroups; ++g) b[g] = rows.load(g, first);
#pragma unroll
          for (int t = 0; t < kTiles; ++t) add_unit_slab(sum_[t], ahead_[i][t], format_, slab, b);
        }
        load(i, unit_ + i + kUnits);
      }
    }
  }

  // The block's sums of a group, one for each tile: for thread m + 16 n of the first 128, of weight row m and row n of
  // the group. shared: kPartFloats a tile. The whole block calls; a barrier lies between two calls.
  __device__ __forceinline__ void sum(float* shared, int group, float (&total)[kTiles]) {
    // 20, not 16: the lanes of a warp write to 32 different banks.
    auto* part = reinterpret_cast<float(*)[kGemvWarps][kGemvRows][20]>(shared);
    const int lane = int(threadIdx.x) % 32, warp = int(threadIdx.x) / 32;
#pragma unroll
    for (int t = 0; t < kTiles; ++t) {
#pragma unroll
      for (int g = 0; g < kGroups; ++g) {  // a constant index, or the sums would lie in memory
        if (g != group) continue;
#pragma unroll
        for (int i = 0; i < 4; ++i)
          part[t][warp][lane % 4 * 2 + i % 2][lane / 4 + i / 2 * 8] = sum_[t][g][i];
      }
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
  static constexpr int kUnits = 4 / kTiles;

  __device__ __forceinline__ void load(int i, int unit) {
    if (unit >= last_) return;
#pragma unroll
    for (int t = 0; t < kTiles; ++t)
      ahead_[i][t].load(weights_[t] + int64_t(unit) * unit_bytes(format_), format_, int(threadIdx.x) % 32);
  }

  const char* weights_[kTiles];
  Format format_;
  int unit_, last_;
  Unit ahead_[kUnits][kTiles];
  float sum_[kTiles][kGroups][4] = {};
};

// The packed weights of a tile.
__device__ __forceinline__ const char* tile_of(const Weight& w, int64_t tile) {
  return static_cast<const char*>(w.data) + tile * tile_bytes(w.columns, w.format);
}

// Launches of `rows` rows: groups of a block, and blocks.
constexpr int groups_for(int rows) { return rows > kGemvRows ? kManyGroups : 1; }
constexpr unsigned passes_for(int rows) {
  return unsigned((rows + kGemvRows * groups_for(rows) - 1) / (kGemvRows * groups_for(rows)));
}

}  // namespace genarm::cuda
