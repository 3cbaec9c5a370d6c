// x = rms_norm(hidden) * norm; out = silu(gate x) * (up x), see GateUpArgs of backend.h and cpu/gate_up.cpp.
//
// A block computes 16 numbers of out for 8 rows, or 32: a tile of gate and the same tile of up against one fragment of
// x (gemv.cuh, norm.cuh). Bound by bandwidth: the weights, once for all its rows. The first weights are
// read before grid_wait().
#include <algorithm>

#include "cuda/norm.cuh"
#include "cuda/problems.cuh"
#include "cuda/row_update.cuh"
#include "error.h"

namespace genarm::cuda {
namespace {

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
    const float gate = sum[0] + (p.gate_bias ? p.gate_bias[out] : 0) + update_of(p.gate_update, r, out);
    const float up = sum[1] + (p.up_bias ? p.up_bias[out] : 0) + update_of(p.up_update, r, out);
    p.out[r * p.out_stride + out] = from_float<bf16>(gate / (1 + expf(-gate)) * up);
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

}  // namespace

void gate_up(const GateUpProblem* problems, int num_problems, Order order, stream_t stream) {
  for (int i = 0; i < num_problems; ++i) {
    require_eights(problems[i].columns);
    if (problems[i].gate.format != problems[i].up.format || problems[i].gate.order != problems[i].up.order)
      fail(GA_UNSUPPORTED, "gate and up must be stored alike on CUDA");
  }
  const auto blocks_of = [](const GateUpProblem& p) { return p.num_rows > 0 ? tiles_of(p.rows) : 0; };
  for_each_launch(problems, num_problems, blocks_of, [&](const Problems<GateUpProblem>& batch, unsigned blocks) {
    const int rows = most_rows(batch);
    const Grid grid(dim3(passes_for(rows), blocks), kGemvThreads, order);
    launch(groups_for(rows) == 1 ? gate_up_kernel<1> : gate_up_kernel<kManyGroups>, grid, stream, batch);
  });
}

}  // namespace genarm::cuda
