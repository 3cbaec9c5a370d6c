// The activations of a blocked product (blocked.cuh): rows normed, or put in the order of a matrix's columns, once for
// all the blocks that read them. What gemv.cuh makes of them as it goes, bit for bit.
//
// A block takes 8 rows. Bound by latency: a few megabytes.
#include "cuda/norm.cuh"
#include "cuda/problems.cuh"

namespace genarm::cuda {
namespace {

template <class Rows>
__device__ __forceinline__ void write_rows(const InputProblem& p, int first_row, const Rows& rows) {
  const int row = first_row + row_of_lane();
  if (row >= p.num_rows) return;
  for (int first = int(threadIdx.x) / 32 * kSlabColumns + int(threadIdx.x) % 4 * 8; first < p.width;
       first += kGemvWarps * kSlabColumns)
    *reinterpret_cast<uint4*>(p.out + int64_t(row) * p.width + first) = rows.load(0, first);
}

__global__ void __launch_bounds__(kGemvThreads, 2)
    input_rows_kernel(const __grid_constant__ Problems<InputProblem> problems) {
  grid_launch_dependents();
  int block;
  const InputProblem& p = problems.problem[problem_of_block(problems, int(blockIdx.y), block)];
  const int first_row = int(blockIdx.x) * kGemvRows, num_rows = min(p.num_rows - first_row, kGemvRows);

  grid_wait();
  if (num_rows <= 0) return;
  if (p.hidden) {
    const float* hidden = p.hidden + first_row * p.hidden_stride;
    const float* scale = row_scales<1>(hidden, p.hidden_stride, p.columns, num_rows, p.eps);
    write_rows(p, first_row, NormedRows(hidden, p.hidden_stride, p.norm, scale, num_rows, p.columns, p.order));
  } else {
    write_rows(p, first_row, PlainRows(p.x + first_row * p.x_stride, p.x_stride, num_rows, p.columns, p.order));
  }
}

}  // namespace

void input_rows(const InputProblem* problems, int num_problems, Order order, stream_t stream) {
  const auto blocks_of = [](const InputProblem& p) { return p.num_rows > 0 ? 1 : 0; };
  for_each_launch(problems, num_problems, blocks_of, [&](const Problems<InputProblem>& batch, unsigned blocks) {
    const unsigned passes = unsigned(most_rows(batch) + kGemvRows - 1) / kGemvRows;
    launch(input_rows_kernel, Grid(dim3(passes, blocks), kGemvThreads, order), stream, batch);
  });
}

}  // namespace genarm::cuda
