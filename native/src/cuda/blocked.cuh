// The core of every product with many rows: 128 rows of activations times 8 tiles of 16 weight rows, or 4, by one block,
// over the packing and by the arithmetic of gemv.cuh: weights are A, activations B.
//
// Both come by cp.async in stages of 64 columns, as they lie in memory: a lane's fragment of a weight is 16 contiguous
// bytes there, its fragment of a row 16 contiguous bytes of x, so nothing is transposed. Numbers become bf16 on their
// way from shared memory to the tensor cores. Of 8 warps four share out the tiles and two the rows.
// A row's result is bit for bit what gemv.cuh gives: each run of columns that is a warp's there is summed by itself, in
// order, and the runs' sums are added in order. That costs a second set of sums in registers.
// Bound by the tensor cores from some 256 rows on, below that by the weights, which are read once for every 128 rows.
#pragma once

#include <vector>

#include "cuda/gemv.cuh"
#include "cuda/problems.cuh"
#include "cuda/runtime.h"

namespace genarm::cuda {

constexpr int kBlockedRows = 128;  // of activations, a block
constexpr int kStageColumns = 2 * kSlabColumns;
constexpr int kStages = 3;
constexpr int kTileSlot = 2 * kSlabBytes;  // of a stage: what a tile has in it, at most

// The activations of a block: 16-byte aligned, stride a multiple of 8; columns beyond `columns` are 0.
struct BlockRows {
  const bf16* x;
  int64_t stride;
  int num_rows, columns;
};

// A block has an SM for itself. kTilesOfWarp: 2, or 1 for products that would leave SMs without one.
template <int kTilesOfWarp>
class BlockedProduct {
 public:
  static constexpr int kTiles = 4 * kTilesOfWarp;
  static constexpr int kOutputs = kTiles * kTileRows;
  static constexpr int kPitch = kOutputs + 4;  // of sums: the lanes of a warp write to 32 different banks
  static constexpr int kStageBytes = kTiles * kTileSlot + kBlockedRows * kStageColumns * int(sizeof(bf16));
  static constexpr int kBytes = kStages * kStageBytes;  // dynamic shared memory
  static_assert(kBytes >= kBlockedRows * kPitch * int(sizeof(float)), "the sums take the stages' memory");
  static_assert(kBytes <= 99 << 10, "of a block of sm_86");

  // The tile that this warp copies, alone or with another.
  __device__ __forceinline__ static int copied_tile() { return int(threadIdx.x) / 32 % kTiles; }

  // tile: the packed weights of copied_tile(), null where the block has fewer. Begins to copy the first stages' weights.
  __device__ __forceinline__ BlockedProduct(char* stages, const char* tile, Format format, int columns)
      : stages_(stages), tile_(tile), format_(format), num_units_(int(units_of(columns, format))),
        num_slabs_(num_units_ * unit_slabs(format)) {
#pragma unroll
    for (int stage = 0; stage < kStages - 1; ++stage) copy_weights(stage);
  }

  // After grid_wait(): the sums, those of row r and output o of the block (row o % 16 of tile o / 16) at r * kPitch + o.
  // What stands for rows and tiles that there are not means nothing.
  __device__ __forceinline__ float* multiply(const BlockRows& rows) {
#pragma unroll
    for (int stage = 0; stage < kStages - 1; ++stage) {
      copy_rows(rows, stage);
      copy_async_commit();
    }
    const int num_stages = (num_slabs_ + 1) / 2;
    int end = end_of_run(0);
    for (int stage = 0; stage < num_stages; ++stage) {
      copy_async_wait<kStages - 2>();
      __syncthreads();  // the stage is there for all, and all have read the one before, whose memory is next
      copy_weights(stage + kStages - 1);
      copy_rows(rows, stage + kStages - 1);
      copy_async_commit();
      if (first_row() < rows.num_rows) add_stage(stage, end);
    }
    __syncthreads();
    return keep_sums();
  }

 private:
  static constexpr int kParts = 2, kGroups = kBlockedRows / 2 / kGemvRows / kParts;  // of a warp; its parts take turns

  __device__ __forceinline__ static int lane() { return int(threadIdx.x) % 32; }
  // Of the warp's tiles and rows in the block.
  __device__ __forceinline__ static int first_tile() { return int(threadIdx.x) / 32 / 2 * kTilesOfWarp; }
  __device__ __forceinline__ static int first_row() { return int(threadIdx.x) / 32 % 2 * (kBlockedRows / 2); }

  __device__ __forceinline__ static int row_of(int part, int group) {
    return first_row() + (part * kGroups + group) * kGemvRows;
  }

  __device__ __forceinline__ char* stage_at(int stage) const { return stages_ + stage % kStages * kStageBytes; }
  // The first of a stage's columns in their unit, which may hold two stages.
  __device__ __forceinline__ int slab_in_unit(int stage) const { return 2 * stage % unit_slabs(format_); }

  // A tile's part of a stage: the scales of its unit, then the numbers of the stage's columns.
  __device__ __forceinline__ void copy_weights(int stage) const {
    constexpr int kStep = kGemvThreads / kTiles;  // threads that share a tile
    if (!tile_ || 2 * stage >= num_slabs_) return;
    const int slabs = min(2, num_slabs_ - 2 * stage), slab_bytes = kSlabBytes / unit_slabs(format_);
    const int scales = numbers_at(format_), end = scales + slabs * slab_bytes, skipped = slab_in_unit(stage) * slab_bytes;
    const char* from = tile_ + int64_t(2 * stage / unit_slabs(format_)) * unit_bytes(format_);
    char* to = stage_at(stage) + copied_tile() * kTileSlot;
    for (int at = (lane() + int(threadIdx.x) / 32 / kTiles * 32) * 16; at < end; at += kStep * 16)
      copy_async(to + at, from + at + (at < scales ? 0 : skipped));
  }

  // Where eight columns of a row lie in a stage: two neighbouring rows' in different banks.
  __device__ __forceinline__ static int place_of(int row, int eight) {
    return kTiles * kTileSlot + row * kStageColumns * int(sizeof(bf16)) + (eight ^ row % 2 * 4) * 16;
  }

  __device__ __forceinline__ void copy_rows(const BlockRows& rows, int stage) const {
    if (2 * stage >= num_slabs_) return;
    const int eight = int(threadIdx.x) % 8, column = stage * kStageColumns + eight * 8;
    const int valid = max(0, min(8, rows.columns - column)) * int(sizeof(bf16));
#pragma unroll
    for (int i = 0; i < kBlockedRows / 32; ++i) {
      const int row = int(threadIdx.x) / 8 + 32 * i;
      const bool there = row < rows.num_rows && valid > 0;
      copy_async(stage_at(stage) + place_of(row, eight), there ? rows.x + row * rows.stride + column : rows.x,
                 there ? valid : 0);
    }
  }

  // This lane's part of slab `half` of a stage.
  __device__ __forceinline__ Unit load(const char* slot, int half) const {
    Unit u = {};
    const char* numbers = slot + numbers_at(format_) + lane() * 16;
    const auto load_16 = [](const char* at) { return *reinterpret_cast<const uint4*>(at); };
    if (unit_slabs(format_) == 1) {
      u.number[0] = load_16(numbers + half * kSlabBytes);
      u.number[1] = load_16(numbers + half * kSlabBytes + kSlabBytes / 2);
    } else if (format_ == Format::int8) {
      u.number[0] = u.number[1] = load_16(numbers + half * kSlabBytes / 2);
      const uint2 two = *(reinterpret_cast<const uint2*>(slot) + lane() / 4);
      u.scales.x = two.x;
      u.scales.y = two.y;
    } else {
      u.number[0] = u.number[1] = load_16(numbers);
      u.scales = load_16(slot + lane() / 4 * 16);
      u.zeros = format_ == Format::int4_zeros
                    ? *reinterpret_cast<const unsigned*>(slot + scale_bytes(format_) + lane() / 4 * 4)
                    : 0x88888888u;
    }
    return u;
  }

  // end: the slab that begins the next run, in and out.
  __device__ __forceinline__ void add_stage(int stage, int& end) {
    const char* at = stage_at(stage);
#pragma unroll 1
    for (int half = 0; half < 2 && 2 * stage + half < num_slabs_; ++half) {
      Unit unit[kTilesOfWarp];
#pragma unroll
      for (int t = 0; t < kTilesOfWarp; ++t) unit[t] = load(at + (first_tile() + t) * kTileSlot, half);
      const int slab = unit_slabs(format_) == 1 ? 0 : slab_in_unit(stage) + half;
#pragma unroll
      for (int part = 0; part < kParts; ++part) {
        uint4 b[kGroups];
#pragma unroll
        for (int g = 0; g < kGroups; ++g)
          b[g] = *reinterpret_cast<const uint4*>(at + place_of(row_of(part, g) + row_of_lane(), 4 * half + lane() % 4));
#pragma unroll
        for (int t = 0; t < kTilesOfWarp; ++t) add_unit_slab(sum_[t][part], unit[t], format_, slab, b);
      }
      if (2 * stage + half + 1 == end) end = close_run(end);
    }
  }

  __device__ __forceinline__ int end_of_run(int begin) const {
    int run = 0;
    while (run_begin(num_units_, run + 1) * unit_slabs(format_) <= begin) ++run;
    return run_begin(num_units_, run + 1) * unit_slabs(format_);
  }

  // go(tile, part, group, i) for every number of this thread's.
  template <class Go>
  __device__ __forceinline__ static void for_all(const Go& go) {
#pragma unroll
    for (int t = 0; t < kTilesOfWarp; ++t)
#pragma unroll
      for (int part = 0; part < kParts; ++part)
#pragma unroll
        for (int g = 0; g < kGroups; ++g)
#pragma unroll
          for (int i = 0; i < 4; ++i) go(t, part, g, i);
  }

  __device__ __forceinline__ int close_run(int end) {
    for_all([&](int t, int part, int g, int i) {
      total_[t][part][g][i] += sum_[t][part][g][i];
      sum_[t][part][g][i] = 0;
    });
    return end < num_slabs_ ? end_of_run(end) : end;
  }

  __device__ __forceinline__ float* keep_sums() {
    float* sums = reinterpret_cast<float*>(stages_);
    for_all([&](int t, int part, int g, int i) {
      const int row = row_of(part, g) + lane() % 4 * 2 + i % 2;
      sums[row * kPitch + (first_tile() + t) * kTileRows + lane() / 4 + i / 2 * 8] = total_[t][part][g][i];
    });
    __syncthreads();
    return sums;
  }

  char* stages_;
  const char* tile_;
  Format format_;
  int num_units_, num_slabs_;
  float sum_[kTilesOfWarp][kParts][kGroups][4] = {}, total_[kTilesOfWarp][kParts][kGroups][4] = {};
};

// Rows of a block, of which this is one; 0 or fewer where another problem of the launch has more.
__device__ __forceinline__ int rows_of_block(int num_rows) {
  return min(num_rows - int(blockIdx.x) * kBlockedRows, kBlockedRows);
}

// The activations of this block; x: of the problem's first row.
__device__ __forceinline__ BlockRows block_rows(const bf16* x, int64_t stride, int num_rows, int columns) {
  return {x + int64_t(blockIdx.x) * kBlockedRows * stride, stride, num_rows, columns};
}

constexpr unsigned blocked_passes(int rows) { return unsigned((rows + kBlockedRows - 1) / kBlockedRows); }

// Launches the kernel of 2 tiles a warp, or that of 1 where that would leave SMs without a block and may be.
// blocks_of(problem, tiles of a block): the blocks of every 128 rows.
template <class Problem, class BlocksOf>
void launch_blocked(void (*narrow)(Problems<Problem>), void (*wide)(Problems<Problem>), const std::vector<Problem>& problems,
                    const BlocksOf& blocks_of, bool may_be_narrow, Order order, stream_t stream) {
  int64_t blocks = 0;
  for (const Problem& p : problems) blocks += int64_t(blocked_passes(p.num_rows)) * blocks_of(p, BlockedProduct<2>::kTiles);
  const bool is_wide = !may_be_narrow || blocks >= device_processors();
  const int tiles = is_wide ? BlockedProduct<2>::kTiles : BlockedProduct<1>::kTiles;
  const size_t bytes = size_t(is_wide ? BlockedProduct<2>::kBytes : BlockedProduct<1>::kBytes);
  for_each_launch(problems.data(), int(problems.size()), [&](const Problem& p) { return blocks_of(p, tiles); },
                  [&](const Problems<Problem>& batch, unsigned count) {
                    const Grid grid(dim3(blocked_passes(most_rows(batch)), count), kGemvThreads, order, bytes);
                    launch(is_wide ? wide : narrow, grid, stream, batch);
                  });
}

// Calls few(problems, order), then many(problems, order): those that is_many(problem) tells. Each may change its own.
template <class Problem, class IsMany, class Few, class Many>
void by_rows(const Problem* problems, int num_problems, Order order, const IsMany& is_many, const Few& few,
             const Many& many) {
  std::vector<Problem> some[2];
  for (int i = 0; i < num_problems; ++i) some[is_many(problems[i]) ? 1 : 0].push_back(problems[i]);
  if (!some[0].empty()) few(some[0], order);
  if (!some[1].empty()) many(some[1], some[0].empty() ? order : Order::overlaps_previous);
}

}  // namespace genarm::cuda
