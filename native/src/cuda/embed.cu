// hidden[r] = row ids[r] of the table, see EmbedArgs of backend.h and cpu/embed.cpp.
//
// A block copies one row. The table lies in fragment order, because a tied table is the LM head, too: two numbers
// are four bytes of their own. Bound by latency: 2 * hidden_size bytes a row, of which a sector holds 16.
#include "cuda/problems.cuh"
#include "cuda/ptx.cuh"

namespace genarm::cuda {
namespace {

constexpr int kThreads = 256;

template <class T>
__global__ void __launch_bounds__(kThreads)
    embed_kernel(const __grid_constant__ Problems<EmbedProblem<T>> problems) {
  grid_launch_dependents();
  int row;
  const EmbedProblem<T>& p = problems.problem[problem_of_block(problems, row)];
  const int64_t num_slabs = slabs_of(p.hidden_size);
  const auto* words = reinterpret_cast<const unsigned*>(p.table);

  grid_wait();
  const int64_t id = p.ids[row];
  float* hidden = p.hidden + row * p.hidden_stride;
  for (int column = 2 * int(threadIdx.x); column < p.hidden_size; column += 2 * kThreads) {
    const unsigned word = words[fragment_word(id, column, num_slabs)];
    hidden[column] = to_float(T{uint16_t(word)});
    if (column + 1 < p.hidden_size) hidden[column + 1] = to_float(T{uint16_t(word >> 16)});
  }
}

}  // namespace

template <class T>
void embed(const EmbedProblem<T>* problems, int num_problems, Order order, stream_t stream) {
  const auto blocks_of = [](const EmbedProblem<T>& p) { return p.num_rows; };
  for_each_launch(problems, num_problems, blocks_of, [&](const Problems<EmbedProblem<T>>& batch, unsigned blocks) {
    launch(embed_kernel<T>, Grid(blocks, kThreads, order), stream, batch);
  });
}

template void embed<bf16>(const EmbedProblem<bf16>*, int, Order, stream_t);
template void embed<f16>(const EmbedProblem<f16>*, int, Order, stream_t);

}  // namespace genarm::cuda
