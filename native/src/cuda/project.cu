// hidden += W x + bias + update: the O and down projections, see ProjectArgs of backend.h and cpu/project.cpp.
//
// A block computes 16 columns of hidden for 8 rows, or 32 (gemv.cuh). Bound by bandwidth: the weights, once for all its
// rows. Everything but x and hidden is read before grid_wait().
#include <algorithm>

#include "cuda/gemv.cuh"
#include "cuda/problems.cuh"
#include "cuda/row_update.cuh"

namespace genarm::cuda {
namespace {

template <int kGroups>
__device__ __forceinline__ void project_tile(const ProjectProblem& p, int tile, float* part) {
  TileProduct<1, kGroups> product({tile_of(p.weight, tile)}, p.weight.format, p.weight.columns);
  const int first_row = int(blockIdx.x) * kGroups * kGemvRows;
  const int num_rows = min(p.num_rows - first_row, kGroups * kGemvRows);
  const int out = tile * kTileRows + int(threadIdx.x) % kTileRows, row = int(threadIdx.x) / kTileRows;
  const bool has_out = row < kGemvRows && out < p.rows;
  const float bias = has_out && p.bias ? p.bias[out] : 0;

  grid_wait();
  if (num_rows <= 0) return;
  product.multiply(PlainRows(p.x + first_row * p.x_stride, p.x_stride, num_rows, p.columns, p.weight.order));
#pragma unroll
  for (int g = 0; g < kGroups; ++g) {
    if (g > 0) __syncthreads();
    float sum[1];
    product.sum(part, g, sum);
    const int r = g * kGemvRows + row;
    if (has_out && r < num_rows)
      p.hidden[(first_row + r) * p.hidden_stride + out] += sum[0] + bias + update_of(p.update, first_row + r, out);
  }
}

template <int kGroups>
__global__ void __launch_bounds__(kGemvThreads, blocks_of_sm(kGroups))
    project_kernel(const __grid_constant__ Problems<ProjectProblem> problems) {
  grid_launch_dependents();
  int tile;
  const ProjectProblem& p = problems.problem[problem_of_block(problems, int(blockIdx.y), tile)];
  SMEM(float, part, [kPartFloats]);
  project_tile<kGroups>(p, tile, part);
}

}  // namespace

void project(const ProjectProblem* problems, int num_problems, Order order, stream_t stream) {
  const auto blocks_of = [](const ProjectProblem& p) { return p.num_rows > 0 ? tiles_of(p.rows) : 0; };
  for_each_launch(problems, num_problems, blocks_of, [&](const Problems<ProjectProblem>& batch, unsigned blocks) {
    const int rows = most_rows(batch);
    const Grid grid(dim3(passes_for(rows), blocks), kGemvThreads, order);
    launch(groups_for(rows) == 1 ? project_kernel<1> : project_kernel<kManyGroups>, grid, stream, batch);
  });
}

}  // namespace genarm::cuda
