// Blocks that meet, kernels that overlap, streams that hold back.
#include "cuda/warp.cuh"
#include "harness.h"

namespace genarm::cuda {
namespace {

// Every block adds up its part; the last to take a ticket adds up the parts.
__global__ void ticket_kernel(float* parts, unsigned* ticket, float* out) {
  SMEM(unsigned, taken);
  const float part = block_sum<64>(float(blockIdx.x * 64 + threadIdx.x));
  if (threadIdx.x == 0) {
    parts[blockIdx.x] = part;
    taken = add_acquire_release(ticket, 1);
  }
  __syncthreads();
  if (taken != gridDim.x - 1) return;
  if (threadIdx.x == 0) {
    float sum = 0;
    for (unsigned b = 0; b < gridDim.x; ++b) sum += parts[b];
    *out = sum;
  }
}

void the_last_block_sees_what_all_have_written() {
  const Array<float> parts(7, 0), out(1, 0);
  const Array<unsigned> ticket(1, 0);
  Stream stream;

  launch(ticket_kernel, Grid(7, 64, Order::after_previous), stream, parts.data(), ticket.data(), out.data());
  stream_sync(stream);

  CHECK(out.get()[0] == 447 * 448 / 2);
}

// The same by hand: fences around a relaxed atomic.
__global__ void fenced_ticket_kernel(int* parts, unsigned* ticket, int* out) {
  if (threadIdx.x != 0) return;
  parts[blockIdx.x] = int(blockIdx.x) + 1;
  __threadfence();
  const unsigned taken = atomicAdd(ticket, 1u);
  __threadfence();
  if (taken != gridDim.x - 1) return;
  int sum = 0;
  for (unsigned b = 0; b < gridDim.x; ++b) sum += parts[b];
  *out = sum;
}

void fences_around_an_atomic_order_blocks() {
  const Array<int> parts(9, 0), out(1, 0);
  const Array<unsigned> ticket(1, 0);
  Stream stream;

  launch(fenced_ticket_kernel, Grid(9, 32, Order::after_previous), stream, parts.data(), ticket.data(), out.data());
  stream_sync(stream);

  CHECK(out.get()[0] == 45);
}

// Block b waits for block b - 1: all must be resident.
__global__ void relay_kernel(int* values, unsigned* flags) {
  if (threadIdx.x == 0) {
    while (blockIdx.x > 0 && load_acquire(&flags[blockIdx.x - 1]) == 0) {
    }
    values[blockIdx.x] = 1 + (blockIdx.x > 0 ? 2 * values[blockIdx.x - 1] : 0);
    store_release(&flags[blockIdx.x], 1);
  }
}

void blocks_of_a_cooperative_grid_wait_for_each_other() {
  const Array<int> values(10, 0);
  const Array<unsigned> flags(10, 0);
  Grid grid(10, 32, Order::after_previous);
  grid.cooperative = true;
  Stream stream;

  launch(relay_kernel, grid, stream, values.data(), flags.data());
  stream_sync(stream);

  CHECK(values.get()[9] == 1023);
}

// out[i] = in[i ^ 1] + table[i], where the kernel before wrote in and nobody writes table.
__global__ void swap_kernel(int* out, const int* in, const int* table) {
  grid_launch_dependents();
  const int i = int(blockIdx.x * blockDim.x + threadIdx.x);
  const int added = table[i];
  grid_wait();
  out[i] = in[i ^ 1] + added;
}

void overlapping_kernels_see_what_the_one_before_wrote() {
  std::vector<int> start(128), one(128, 1);
  for (int i = 0; i < 128; ++i) start[size_t(i)] = i;
  const Array<int> a(start), b(128, 0), table(one);
  Stream stream;

  for (int i = 0; i < 6; ++i)
    launch(swap_kernel, Grid(2, 64, Order::overlaps_previous), stream, i % 2 ? a.data() : b.data(),
           i % 2 ? b.data() : a.data(), table.data());
  stream_sync(stream);

  for (int i = 0; i < 128; ++i) CHECK(a.get()[size_t(i)] == i + 6);
}

#if !defined(GENARM_ON_GPU) && !defined(__SANITIZE_THREAD__)  // the host looks on without waiting: a race
__global__ void set_kernel(int* out, int value) { out[threadIdx.x] = value; }

void nothing_has_happened_before_the_stream_is_waited_for() {
  const Array<int> out(32, 5);
  Stream stream;

  launch(set_kernel, Grid(1, 32, Order::after_previous), stream, out.data(), 6);

  CHECK(out.get()[0] == 5);
  stream_sync(stream);
  CHECK(out.get()[0] == 6);
}

void seeds_choose_an_order_and_repeat_it() {
  static std::vector<unsigned> order;
  order.clear();
  std::vector<std::vector<unsigned>> orders;
  for (const uint64_t seed : {4, 5, 4, 5}) {
    simt::set_seed(seed);
    Stream stream;
    order.clear();
    launch(+[] { __syncthreads(); order.push_back(blockIdx.x * 100 + threadIdx.x); }, Grid(3, 64, Order::after_previous),
           stream);
    stream_sync(stream);
    orders.push_back(order);
  }

  CHECK(orders[0] == orders[2] && orders[1] == orders[3] && orders[0] != orders[1]);
}
#endif

}  // namespace
}  // namespace genarm::cuda

int main(int argc, char** argv) {
  using namespace genarm::cuda;
  std::vector<Case> cases = {
      {"the_last_block_sees_what_all_have_written", the_last_block_sees_what_all_have_written},
      {"fences_around_an_atomic_order_blocks", fences_around_an_atomic_order_blocks},
      {"blocks_of_a_cooperative_grid_wait_for_each_other", blocks_of_a_cooperative_grid_wait_for_each_other},
      {"overlapping_kernels_see_what_the_one_before_wrote", overlapping_kernels_see_what_the_one_before_wrote}};
#if !defined(GENARM_ON_GPU) && !defined(__SANITIZE_THREAD__)
  cases.push_back({"nothing_has_happened_before_the_stream_is_waited_for",
                   nothing_has_happened_before_the_stream_is_waited_for});
  cases.push_back({"seeds_choose_an_order_and_repeat_it", seeds_choose_an_order_and_repeat_it});
#endif
  return run_cases(argc, argv, cases);
}
