// Kernels with one bug each that changes no value: a sanitizer must report it. The argument names the kernel; the
// expected report is in CMakeLists.txt.
#include "cuda/ptx_bulk.cuh"
#include "cuda/warp.cuh"
#include "harness.h"

namespace genarm::cuda {
namespace {

__global__ void reads_past_device_memory(float* memory, unsigned*) {
  const float* end = memory + 256;
  if (threadIdx.x == 0) memory[0] = *end;
}
__global__ void writes_past_shared_memory(float* memory, unsigned*) {
  SMEM(float, buffer, [64]);
  float* at = buffer + 60 + threadIdx.x % 5;
  *at = 1;
  memory[threadIdx.x] = 0;
}
__global__ void no_barrier(float* memory, unsigned*) {
  SMEM(float, buffer, [64]);
  buffer[threadIdx.x] = 1;
  memory[threadIdx.x] = buffer[threadIdx.x ^ 33] > 0;
}
__global__ void no_syncwarp(float* memory, unsigned*) {
  SMEM(float, buffer, [64]);
  buffer[threadIdx.x] = 1;
  memory[threadIdx.x] = buffer[threadIdx.x ^ 1] > 0;
}
__global__ void shuffle_as_barrier(float* memory, unsigned*) {
  SMEM(float, buffer, [64]);
  buffer[threadIdx.x] = 1;
  memory[threadIdx.x] = buffer[threadIdx.x ^ 1] + shuffle_xor(1.f, 1);
}
__global__ void blocks_write_the_same(float* memory, unsigned*) { memory[threadIdx.x] = 1; }
__global__ void no_fence_before(float* memory, unsigned* ticket) {
  if (threadIdx.x != 0) return;
  memory[blockIdx.x] = 1;
  const unsigned taken = atomicAdd(ticket, 1u);
  __threadfence();
  if (taken == gridDim.x - 1) memory[100] = memory[0] + memory[1];
}
__global__ void no_fence_after(float* memory, unsigned* ticket) {
  if (threadIdx.x != 0) return;
  memory[blockIdx.x] = 1;
  __threadfence();
  const unsigned taken = atomicAdd(ticket, 1u);
  if (taken == gridDim.x - 1) memory[100] = memory[0] + memory[1];
}
__global__ void plain_max_for_atomic(float*, unsigned* words) {
  if (threadIdx.x == 0 && words[0] < blockIdx.x) words[0] = blockIdx.x;
}
__global__ void no_grid_wait_in_a_thread(float* memory, unsigned*) {
  if (threadIdx.x < 32) grid_wait();
  memory[128 * (threadIdx.x / 64) + threadIdx.x] += 1;
}
__global__ void read_before_grid_wait(float* memory, unsigned*) {
  const float before = memory[threadIdx.x];
  grid_wait();
  if (before >= 0) memory[threadIdx.x] = 1;
}
__global__ void copy_without_barrier(float* memory, unsigned*) {
  SMEM(float, buffer, [256]);
  copy_async(&buffer[4 * threadIdx.x], memory + 4 * threadIdx.x);
  copy_async_commit();
  copy_async_wait<0>();
  memory[4 * threadIdx.x] = buffer[4 * (threadIdx.x ^ 1)] >= 0;
}
__global__ void bulk_copy_into_a_buffer_in_use(float* memory, unsigned*) {
  SMEM(uint64_t, barrier);
  SMEM(float, buffer, [64]);
  buffer[threadIdx.x] = 0;
  if (threadIdx.x == 0) mbarrier_init(&barrier, 1);
  __syncthreads();
  const float used = buffer[threadIdx.x];
  if (threadIdx.x == 0) {
    mbarrier_arrive_expect(&barrier, 256);
    copy_bulk(buffer, memory, 256, &barrier);
  }
  mbarrier_wait(&barrier, 0);
  memory[64 + threadIdx.x] = used + buffer[threadIdx.x];
}

struct Bug {
  const char* name;
  void (*kernel)(float*, unsigned*);
  unsigned blocks;
  Order order;
};
#define BUG(name, blocks, order) {#name, name, blocks, Order::order}
const Bug kBugs[] = {
    BUG(reads_past_device_memory, 1, after_previous),
    BUG(writes_past_shared_memory, 1, after_previous),
    BUG(no_barrier, 1, after_previous),
    BUG(no_syncwarp, 1, after_previous),
    BUG(shuffle_as_barrier, 1, after_previous),
    BUG(blocks_write_the_same, 2, after_previous),
    BUG(no_fence_before, 2, after_previous),
    BUG(no_fence_after, 2, after_previous),
    BUG(plain_max_for_atomic, 3, after_previous),
    BUG(no_grid_wait_in_a_thread, 1, overlaps_previous),
    BUG(read_before_grid_wait, 1, overlaps_previous),
    BUG(copy_without_barrier, 1, after_previous),
    BUG(bulk_copy_into_a_buffer_in_use, 1, after_previous),
};

}  // namespace
}  // namespace genarm::cuda

// Two launches, so that kernels that overlap have something to overlap.
int main(int argc, char** argv) {
  using namespace genarm::cuda;
  for (const Bug& bug : kBugs)
    for (int seed = 0; argc > 1 && strcmp(argv[1], bug.name) == 0 && seed < 3; ++seed) {
      simt::set_seed(uint64_t(seed));
      const Array<float> memory(256, 0);
      const Array<unsigned> words(64, 0);
      Stream stream;
      launch(bug.kernel, Grid(bug.blocks, 64, bug.order), stream, memory.data(), words.data());
      launch(bug.kernel, Grid(bug.blocks, 64, bug.order), stream, memory.data(), words.data());
      stream_sync(stream);
    }
  return 0;
}
