// x = rms_norm(hidden) * norm; out = silu(gate x) * (up x), see GateUpArgs of backend.h and cpu/gate_up.cpp.
//
// A block computes 16 numbers of out for 8 rows, or 32: a tile of gate and the same tile of up against one fragment of
// x (gemv.cuh, norm.cuh). Bound by bandwidth: the weights, once for all its rows. The first weights are
// read before grid_wait(). Of many rows it computes 64 or 32 numbers for 128 rows (blocked.cuh), normed by input_rows.
#include <algorithm>

#include "cuda/blocked.cuh"
#include "cuda/norm.cuh"
#include "cuda/row_update.cuh"
#include "error.h"

namespace genarm::cuda {
namespace {

__device__ __forceinline__ void write_out(const GateUpProblem& p, int64_t row, int out, float gate_sum, float up_sum) {
  const float gate = gate_sum + (p.gate_bias ? p.gate_bias[out] : 0) + update_of(p.gate_update, row, out);
  const float up = up_sum + (p.up_bias ? p.up_bias[out] : 0) + update_of(p.up_update, row, out);
  p.out[row * p.out_stride + out] = from_float<bf16>(gate / (1 + expf(-gate)) * up);
}

template <int kGroups>
__device__ __forceinline__ void gate_up_tile(const GateUpProblem& p, int tile, float* part) {
  TileProduct<2, kGroups> product({tile_of(p.gate, tile), tile_of(p.up, tile)}, p.gate.format, p.gate.columns);
  const int first_row = int(blockIdx.x) * kGroups * kGemvRows;
  const int num_rows = min(p.num_rows - first_row, kGroups * kGemvRows);

  grid_wait();
  if (num_rows <= 0) return;
  const float* hidden = p.hidden + first_row * p.hidden_stride;
  const float* scale = row_scales<kGroups>(hidden, p.hidden_stride, p.columns, num_rows, p.eps);
  product.multiply(NormedRows(hidden, p.hidden_stride, p.norm, scale, num_rows, p.columns, p.gate.order));
  const int out = tile * kTileRows + int(threadIdx.x) % kTileRows, row = int(threadIdx.x) / kTileRows;
  const bool has_out = row < kGemvRows && out < p.rows;
#pragma unroll
  for (int g = 0; g < kGroups; ++g) {
    if (g > 0) __syncthreads();
    float sum[2];
    product.sum(part, g, sum);
    const int r = first_row + g * kGemvRows + row;
    if (!has_out || r >= p.num_rows) continue;
    write_out(p, r, out, sum[0], sum[1]);
  }
}

template <int kGroups>
__global__ void __launch_bounds__(kGemvThreads, blocks_of_sm(kGroups))
    gate_up_kernel(const __grid_constant__ Problems<GateUpProblem> problems) {
  grid_launch_dependents();
  int tile;
  const GateUpProblem& p = problems.problem[problem_of_block(problems, int(blockIdx.y), tile)];
  SMEM(float, part, [2 * kPartFloats]);
  gate_up_tile<kGroups>(p, tile, part);
}

// Half of the block's tiles are of gate, the other half the same ones of up.
template <int kTilesOfWarp>
__global__ void __launch_bounds__(kGemvThreads, 1)
    gate_up_blocked_kernel(const __grid_constant__ Problems<GateUpProblem> problems) {
  using Product = BlockedProduct<kTilesOfWarp>;
  constexpr int kTiles = Product::kTiles / 2, kOutputs = Product::kOutputs / 2;
  grid_launch_dependents();
  int block;
  const GateUpProblem& p = problems.problem[problem_of_block(problems, int(blockIdx.y), block)];
  const int num_rows = rows_of_block(p.num_rows), tile = block * kTiles + Product::copied_tile() % kTiles;
  if (num_rows <= 0) return grid_wait();
  SMEM_DYN(char, stages);
  const Weight& mine = Product::copied_tile() < kTiles ? p.gate : p.up;
  Product product(stages, tile < tiles_of(p.rows) ? tile_of(mine, tile) : nullptr, p.gate.format, p.gate.columns);

  grid_wait();
  const float* sums = product.multiply(block_rows(p.input, p.columns, num_rows, p.columns));
  const int out = int(threadIdx.x) % kOutputs, to = block * kOutputs + out;
  if (to >= p.rows) return;
  for (int r = int(threadIdx.x) / kOutputs; r < num_rows; r += kGemvThreads / kOutputs) {
    const float* sum = sums + r * Product::kPitch + out;
    write_out(p, int64_t(blockIdx.x) * kBlockedRows + r, to, sum[0], sum[kOutputs]);
  }
}

void gate_up_few(const std::vector<GateUpProblem>& problems, Order order, stream_t stream) {
  const auto blocks_of = [](const GateUpProblem& p) { return p.num_rows > 0 ? tiles_of(p.rows) : 0; };
  const auto go = [&](const Problems<GateUpProblem>& batch, unsigned blocks) {
    const int rows = most_rows(batch);
    const Grid grid(dim3(passes_for(rows), blocks), kGemvThreads, order);
    launch(groups_for(rows) == 1 ? gate_up_kernel<1> : gate_up_kernel<kManyGroups>, grid, stream, batch);
  };
  for_each_launch(problems.data(), int(problems.size()), blocks_of, go);
}

void gate_up_many(std::vector<GateUpProblem>& problems, Order order, stream_t stream) {
  std::vector<InputProblem> inputs;
  for (GateUpProblem& p : problems) {
    const int32_t width = input_width(p.gate, p.columns);
    inputs.push_back({p.input, p.hidden, p.hidden_stride, p.norm, nullptr, 0, p.gate.order, p.eps, p.columns, width,
                      p.num_rows});
    p.columns = width;
  }
  input_rows(inputs.data(), int(inputs.size()), order, stream);
  const auto blocks_of = [](const GateUpProblem& p, int tiles) { return (tiles_of(p.rows) + tiles / 2 - 1) / (tiles / 2); };
  launch_blocked(gate_up_blocked_kernel<1>, gate_up_blocked_kernel<2>, problems, blocks_of, true, Order::overlaps_previous,
                 stream);
}

}  // namespace

void gate_up(const GateUpProblem* problems, int num_problems, Order order, stream_t stream) {
  for (int i = 0; i < num_problems; ++i) {
    require_eights(problems[i].columns);
    if (problems[i].gate.format != problems[i].up.format || problems[i].gate.order != problems[i].up.order)
      fail(GA_UNSUPPORTED, "gate and up must be stored alike on CUDA");
  }
  by_rows(problems, num_problems, order, [](const GateUpProblem& p) { return p.num_rows > kMostGemvRows && p.input; },
          [&](const auto& few, Order when) { gate_up_few(few, when, stream); },
          [&](auto& many, Order when) { gate_up_many(many, when, stream); });
}

}  // namespace genarm::cuda
