// z[r] = z[r] - log sum exp z[r], see LogSoftmaxArgs of backend.h and cpu/log_softmax.cpp.
//
// A block normalises a row in three passes, the last two of them from L2. Bound by one SM's share of L2: the rows of
// a step are few, and only log-probabilities that were asked for come here.
#include "cuda/law.cuh"

namespace genarm::cuda {
namespace {

constexpr int kThreads = 1024;

__global__ void __launch_bounds__(kThreads) log_softmax_kernel(float* z, int vocab_size) {
  grid_launch_dependents();
  z += int64_t(blockIdx.x) * vocab_size;

  grid_wait();
  float top = -INFINITY;
  for (int v = int(threadIdx.x); v < vocab_size; v += kThreads) top = fmaxf(top, z[v]);
  top = block_max<kThreads>(top);
  if (top == -INFINITY) return;  // nothing to normalise
  float mass = 0;
  for (int v = int(threadIdx.x); v < vocab_size; v += kThreads) mass += expf(z[v] - top);
  // Two subtractions, so that a large top does not eat the digits.
  const float log_mass = logf(block_sum<kThreads>(mass));
  for (int v = int(threadIdx.x); v < vocab_size; v += kThreads) z[v] = z[v] - top - log_mass;
}

}  // namespace

void log_softmax(const LogSoftmaxArgs& args, Order order, stream_t stream) {
  if (args.num_rows == 0) return;
  launch(log_softmax_kernel, Grid(unsigned(args.num_rows), kThreads, order), stream, args.z, args.vocab_size);
}

}  // namespace genarm::cuda
