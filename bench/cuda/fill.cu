// Random memory for the benches: every 16 bits are a bf16, and an f16, of magnitude 0.008 to 0.03 or 1 to 1.25.
#include "cuda/ptx.cuh"
#include "gpu_bench.h"

namespace genarm::cuda {
namespace {

constexpr int kThreads = 256;

__global__ void __launch_bounds__(kThreads) fill_kernel(unsigned* words, int64_t count) {
  for (int64_t i = int64_t(blockIdx.x) * kThreads + threadIdx.x; i < count; i += int64_t(gridDim.x) * kThreads) {
    unsigned x = unsigned(i) * 2654435761u + unsigned(i >> 32);
    x ^= x >> 15;
    x *= 0x2c1b3c6du;
    x ^= x >> 12;
    words[i] = (x & 0x80ff80ffu) | 0x3c003c00u;
  }
}

}  // namespace

void fill_random(void* data, size_t bytes, stream_t stream) {
  const int64_t words = int64_t(bytes / 4);
  if (words == 0) return;
  const unsigned blocks = unsigned(std::min<int64_t>((words + kThreads - 1) / kThreads, 4096));
  launch(fill_kernel, Grid(blocks, kThreads, Order::after_previous), stream, static_cast<unsigned*>(data), words);
}

}  // namespace genarm::cuda
