// The tokens of a step into the ring that the host reads, see token_ring.h.
//
// One block writes the tokens to host memory, then the step's number, which tells that they are there: no copy, and
// nobody waits for the stream. The number is counted on the device, so that a captured step can be run again. Bound by
// latency: one write over the bus.
#include "cuda/ptx.cuh"
#include "cuda/token_ring.h"

namespace genarm::cuda {
namespace {

constexpr int kThreads = 256;

__global__ void __launch_bounds__(kThreads) hand_over_kernel(const HandOver p) {
  grid_launch_dependents();

  grid_wait();
  const unsigned step = *p.num_steps + 1;
  unsigned* slot = p.ring + int64_t(step % kRingSteps) * p.slot_words;
  for (int i = int(threadIdx.x); i < p.count; i += kThreads) slot[1 + i] = unsigned(p.tokens[i]);
  __syncthreads();  // every thread has read the number, and its tokens lie before the release
  if (threadIdx.x != 0) return;
  *p.num_steps = step;
  store_release_system(slot, step);
}

}  // namespace

void hand_over(const HandOver& tokens, Order order, stream_t stream) {
  launch(hand_over_kernel, Grid(1, kThreads, order), stream, tokens);
}

}  // namespace genarm::cuda
