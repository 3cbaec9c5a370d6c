// hidden += W x + bias: the O and down projections, see ProjectArgs of backend.h and cpu/project.cpp.
//
// A block computes 16 columns of hidden for 8 rows (gemv.cuh). Bound by bandwidth: 2 bytes a weight for up to
// 8 rows. Everything but x and hidden is read before grid_wait().
#include <algorithm>

#include "cuda/gemv.cuh"
#include "cuda/problems.cuh"

namespace genarm::cuda {
namespace {

template <class T>
__global__ void __launch_bounds__(kGemvThreads, 2)
    project_kernel(const __grid_constant__ Problems<ProjectProblem<T>> problems) {
  grid_launch_dependents();
  int tile;
  const ProjectProblem<T>& p = problems.problem[problem_of_block(problems, tile)];
  TileProduct<T> product({p.weight + tile * slabs_of(p.columns) * (kSlabBytes / 2)}, p.columns);

  const int first_row = int(blockIdx.y) * kGemvRows;
  const int num_rows = min(p.num_rows - first_row, kGemvRows);
  const int out = tile * kTileRows + int(threadIdx.x) % kTileRows, row = int(threadIdx.x) / kTileRows;
  const bool writes = row < num_rows && out < p.rows;
  const float bias = writes && p.bias ? p.bias[out] : 0;

  grid_wait();
  if (num_rows <= 0) return;
  const int x_row = row_of_lane();
  product.multiply(PlainRow<T>{x_row < num_rows ? p.x + (first_row + x_row) * p.x_stride : nullptr, p.columns});
  float sum[1];
  product.sum(sum);
  if (writes) p.hidden[(first_row + row) * p.hidden_stride + out] += sum[0] + bias;
}

}  // namespace

template <class T>
void project(const ProjectProblem<T>* problems, int num_problems, Order order, stream_t stream) {
  const auto blocks_of = [](const ProjectProblem<T>& p) { return p.num_rows > 0 ? tiles_of(p.rows) : 0; };
  for_each_launch(problems, num_problems, blocks_of, [&](const Problems<ProjectProblem<T>>& batch, unsigned blocks) {
    int max_rows = 0;
    for (int i = 0; i < batch.count; ++i) max_rows = std::max(max_rows, batch.problem[i].num_rows);
    const dim3 grid(blocks, unsigned(max_rows + kGemvRows - 1) / kGemvRows);
    launch(project_kernel<T>, Grid(grid, kGemvThreads, order), stream, batch);
  });
}

template void project<bf16>(const ProjectProblem<bf16>*, int, Order, stream_t);
template void project<f16>(const ProjectProblem<f16>*, int, Order, stream_t);

}  // namespace genarm::cuda
