// x = rms_norm(hidden) * norm; out = silu(gate x) * (up x), see GateUpArgs of backend.h and cpu/gate_up.cpp.
//
// A block computes 16 numbers of out for 8 rows: a tile of gate and the same tile of up against one fragment of x
// (gemv.cuh, norm.cuh). Bound by bandwidth: 2 bytes a weight for up to 8 rows. Weights and biases are read before
// grid_wait().
#include <algorithm>

#include "cuda/norm.cuh"
#include "cuda/problems.cuh"

namespace genarm::cuda {
namespace {

template <class T>
__global__ void __launch_bounds__(kGemvThreads, 2)
    gate_up_kernel(const __grid_constant__ Problems<GateUpProblem<T>> problems) {
  grid_launch_dependents();
  int tile;
  const GateUpProblem<T>& p = problems.problem[problem_of_block(problems, tile)];
  const int64_t at_tile = tile * slabs_of(p.columns) * (kSlabBytes / 2);
  TileProduct<T, 2> product({p.gate + at_tile, p.up + at_tile}, p.columns);

  const int first_row = int(blockIdx.y) * kGemvRows;
  const int num_rows = min(p.num_rows - first_row, kGemvRows);
  const int out = tile * kTileRows + int(threadIdx.x) % kTileRows, row = int(threadIdx.x) / kTileRows;
  const bool writes = row < num_rows && out < p.rows;
  float gate = writes && p.gate_bias ? p.gate_bias[out] : 0;
  float up = writes && p.up_bias ? p.up_bias[out] : 0;

  grid_wait();
  if (num_rows <= 0) return;
  const float* hidden = p.hidden + first_row * p.hidden_stride;
  const float* scale = row_scales(hidden, p.hidden_stride, p.columns, num_rows, p.eps);
  const int x_row = row_of_lane();
  const bool has_row = x_row < num_rows;
  product.multiply(NormedRow<T>{has_row ? hidden + x_row * p.hidden_stride : nullptr, p.norm, has_row ? scale[x_row] : 0,
                                p.columns});
  float sum[2];
  product.sum(sum);
  if (!writes) return;
  const int64_t at_delta = int64_t(first_row + row) * p.rows + out;
  gate += sum[0] + (p.gate_delta ? p.gate_delta[at_delta] : 0);
  up += sum[1] + (p.up_delta ? p.up_delta[at_delta] : 0);
  p.out[(first_row + row) * p.out_stride + out] = from_float<T>(gate / (1 + expf(-gate)) * up);
}

}  // namespace

template <class T>
void gate_up(const GateUpProblem<T>* problems, int num_problems, Order order, stream_t stream) {
  const auto blocks_of = [](const GateUpProblem<T>& p) { return p.num_rows > 0 ? tiles_of(p.rows) : 0; };
  for_each_launch(problems, num_problems, blocks_of, [&](const Problems<GateUpProblem<T>>& batch, unsigned blocks) {
    int max_rows = 0;
    for (int i = 0; i < batch.count; ++i) max_rows = std::max(max_rows, batch.problem[i].num_rows);
    const dim3 grid(blocks, unsigned(max_rows + kGemvRows - 1) / kGemvRows);
    launch(gate_up_kernel<T>, Grid(grid, kGemvThreads, order), stream, batch);
  });
}

template void gate_up<bf16>(const GateUpProblem<bf16>*, int, Order, stream_t);
template void gate_up<f16>(const GateUpProblem<f16>*, int, Order, stream_t);

}  // namespace genarm::cuda
