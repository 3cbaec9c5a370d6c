// hidden += W x + bias + update: the O and down projections, see ProjectArgs of backend.h and cpu/project.cpp.
//
// A block computes 16 columns of hidden for 8 rows, or 32 (gemv.cuh). Bound by bandwidth: the weights, once for all its
// rows. Everything but x and hidden is read before grid_wait(). Of many rows it computes 128 or 64 columns for 128 rows
// (blocked.cuh).
#include <algorithm>

#include "cuda/blocked.cuh"
#include "cuda/row_update.cuh"

namespace genarm::cuda {
namespace {

__device__ __forceinline__ void add_to_hidden(const ProjectProblem& p, int64_t row, int out, float sum, float bias) {
  p.hidden[row * p.hidden_stride + out] += sum + bias + update_of(p.update, row, out);
}

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
      add_to_hidden(p, first_row + r, out, sum[0], bias);
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

template <int kTilesOfWarp>
__global__ void __launch_bounds__(kGemvThreads, 1)
    project_blocked_kernel(const __grid_constant__ Problems<ProjectProblem> problems) {
  using Product = BlockedProduct<kTilesOfWarp>;
  grid_launch_dependents();
  int block;
  const ProjectProblem& p = problems.problem[problem_of_block(problems, int(blockIdx.y), block)];
  const int num_rows = rows_of_block(p.num_rows), tile = block * Product::kTiles + Product::copied_tile();
  if (num_rows <= 0) return grid_wait();
  SMEM_DYN(char, stages);
  Product product(stages, tile < tiles_of(p.rows) ? tile_of(p.weight, tile) : nullptr, p.weight.format, p.weight.columns);

  grid_wait();
  const float* sums = product.multiply(block_rows(p.x, p.x_stride, num_rows, p.columns));
  const int out = int(threadIdx.x) % Product::kOutputs, to = block * Product::kOutputs + out;
  if (to >= p.rows) return;
  const float bias = p.bias ? p.bias[to] : 0;
  for (int r = int(threadIdx.x) / Product::kOutputs; r < num_rows; r += kGemvThreads / Product::kOutputs)
    add_to_hidden(p, int64_t(blockIdx.x) * kBlockedRows + r, to, sums[r * Product::kPitch + out], bias);
}

void project_few(const std::vector<ProjectProblem>& problems, Order order, stream_t stream) {
  const auto blocks_of = [](const ProjectProblem& p) { return p.num_rows > 0 ? tiles_of(p.rows) : 0; };
  const auto go = [&](const Problems<ProjectProblem>& batch, unsigned blocks) {
    const int rows = most_rows(batch);
    const Grid grid(dim3(passes_for(rows), blocks), kGemvThreads, order);
    launch(groups_for(rows) == 1 ? project_kernel<1> : project_kernel<kManyGroups>, grid, stream, batch);
  };
  for_each_launch(problems.data(), int(problems.size()), blocks_of, go);
}

void project_many(std::vector<ProjectProblem>& problems, Order order, stream_t stream) {
  std::vector<InputProblem> inputs;
  for (ProjectProblem& p : problems) {
    if (!p.weight.order) continue;
    const int32_t width = input_width(p.weight, p.columns);
    inputs.push_back({p.input, nullptr, 0, nullptr, p.x, p.x_stride, p.weight.order, 0, p.columns, width, p.num_rows});
    p.x = p.input;
    p.x_stride = p.columns = width;
  }
  if (!inputs.empty()) input_rows(inputs.data(), int(inputs.size()), order, stream);
  const auto blocks_of = [](const ProjectProblem& p, int tiles) { return (tiles_of(p.rows) + tiles - 1) / tiles; };
  launch_blocked(project_blocked_kernel<1>, project_blocked_kernel<2>, problems, blocks_of, true,
                 inputs.empty() ? order : Order::overlaps_previous, stream);
}

}  // namespace

void project(const ProjectProblem* problems, int num_problems, Order order, stream_t stream) {
  by_rows(problems, num_problems, order,
          [](const ProjectProblem& p) { return p.num_rows > kMostGemvRows && (!p.weight.order || p.input); },
          [&](const auto& few, Order when) { project_few(few, when, stream); },
          [&](auto& many, Order when) { project_many(many, when, stream); });
}

}  // namespace genarm::cuda
