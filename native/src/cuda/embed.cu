// hidden[r] = row ids[r] of the table, or of what the step before drew, see EmbedArgs of backend.h and cpu/embed.cpp.
//
// A block copies one row. The table lies in fragment order, because a tied table is the LM head, too: its numbers are
// two by two apart. Bound by latency: at most 2 * hidden_size bytes a row, of which a sector holds 16.
#include "cuda/problems.cuh"
#include "cuda/units.cuh"

namespace genarm::cuda {
namespace {

constexpr int kThreads = 256;

__global__ void __launch_bounds__(kThreads) embed_kernel(const __grid_constant__ Problems<EmbedProblem> problems) {
  grid_launch_dependents();
  int row;
  const EmbedProblem& p = problems.problem[problem_of_block(problems, int(blockIdx.x), row)];

  grid_wait();
  int id = p.ids[row];
  if (id < 0) id = max(p.drawn[-1 - id], 0);  // -1: nothing was drawn, and nobody waits for this row
  float* hidden = p.hidden + row * p.hidden_stride;
  for (int column = int(threadIdx.x); column < p.hidden_size; column += kThreads)
    hidden[column] = weight_at(p.table, id, column);
}

}  // namespace

void embed(const EmbedProblem* problems, int num_problems, Order order, stream_t stream) {
  const auto blocks_of = [](const EmbedProblem& p) { return p.num_rows; };
  for_each_launch(problems, num_problems, blocks_of, [&](const Problems<EmbedProblem>& batch, unsigned blocks) {
    launch(embed_kernel, Grid(blocks, kThreads, order), stream, batch);
  });
}

}  // namespace genarm::cuda
