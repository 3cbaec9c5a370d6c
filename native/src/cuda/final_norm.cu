// x = sum of scale * rms_norm(hidden) * norm over a sequence's terms, see FinalNormArgs of backend.h and
// cpu/final_norm.cpp. Models that share an LM head are combined here: W h_b + w W h_a = W (h_b + w h_a).
//
// A block computes one x. Its first pass over the terms' rows finds each one's 1 / rms, the second finds the rows in
// L1 or L2 and adds them up. Bound by latency: a few rows of 4 * hidden_size bytes.
#include "cuda/problems.cuh"
#include "cuda/warp.cuh"

namespace genarm::cuda {
namespace {

constexpr int kThreads = 256;

__global__ void __launch_bounds__(kThreads)
    final_norm_kernel(const __grid_constant__ Problems<FinalNormProblem> problems) {
  grid_launch_dependents();
  int n;
  const FinalNormProblem& p = problems.problem[problem_of_block(problems, int(blockIdx.x), n)];
  SMEM_DYN(float, coefficient);  // [terms]

  grid_wait();
  const int first = p.first[n], num_terms = p.first[n + 1] - first;
  for (int j = 0; j < num_terms; ++j) {
    const float* hidden = p.hidden + p.row[first + j] * p.hidden_stride;
    float squares = 0;
    for (int i = int(threadIdx.x); i < p.hidden_size; i += kThreads) squares += hidden[i] * hidden[i];
    const float mean = block_sum<kThreads>(squares) / float(p.hidden_size);
    if (threadIdx.x == 0) coefficient[j] = p.scale[first + j] / sqrtf(mean + p.eps);
  }
  __syncthreads();

  bf16* high = p.x + 2 * n * p.x_stride;
  bf16* low = high + p.x_stride;
  for (int i = int(threadIdx.x); i < p.hidden_size; i += kThreads) {
    float sum = 0;
    for (int j = 0; j < num_terms; ++j) sum += coefficient[j] * p.hidden[p.row[first + j] * p.hidden_stride + i];
    const float x = sum * p.norm[i];
    high[i] = from_float<bf16>(x);
    low[i] = from_float<bf16>(x - to_float(high[i]));
  }
}

}  // namespace

void final_norm(const FinalNormProblem* problems, int num_problems, int max_terms, Order order, stream_t stream) {
  const auto blocks_of = [](const FinalNormProblem& p) { return p.num_x; };
  for_each_launch(problems, num_problems, blocks_of, [&](const Problems<FinalNormProblem>& batch, unsigned blocks) {
    launch(final_norm_kernel, Grid(blocks, kThreads, order, size_t(max_terms) * sizeof(float)), stream, batch);
  });
}

}  // namespace genarm::cuda
