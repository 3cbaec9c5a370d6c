// Kernels that are wrong, and what the executor must say of each on every seed.
#include "cuda/ptx_bulk.cuh"
#include "cuda/ptx_mma.cuh"
#include "cuda/warp.cuh"
#include "harness.h"

namespace genarm::cuda {
namespace {

struct Misuse {
  const char* name;
  const char* report;  // a part of it; several, separated by |, where the schedule decides
  void (*kernel)(float* memory, unsigned* words);
  unsigned blocks = 1, threads = 64;
  Order order = Order::after_previous;
  size_t shared_bytes = 0;
};

__global__ void conditional_barrier(float*, unsigned*) {
  if (threadIdx.x != 7) __syncthreads();
}
__global__ void exit_before_barrier(float*, unsigned*) {
  if (threadIdx.x >= 32) return;
  __syncthreads();
}
__global__ void two_barriers_meet(float*, unsigned*) {
  if (threadIdx.x % 2) {
    __syncthreads();
  } else {
    __syncthreads();
  }
}
__global__ void outside_its_own_mask(float*, unsigned*) { __syncwarp(0xffffu); }
__global__ void mask_names_missing_lanes(float*, unsigned*) { __syncwarp(); }
__global__ void mask_names_exited_lanes(float*, unsigned*) {
  if (threadIdx.x % 32 >= 16) return;
  __syncwarp();
}
__global__ void lanes_in_different_collectives(float*, unsigned*) {
  int x = int(threadIdx.x);
  if (x % 32 < 16) x = shuffle_xor(x, 1);
  else __ballot_sync(kAllLanes, x);
}
__global__ void lanes_on_different_lines(float*, unsigned*) {
  int x = int(threadIdx.x);
  if (x % 32 < 16) {
    x = shuffle_xor(x, 1);
  } else {
    x = shuffle_xor(x, 1);
  }
}
__global__ void shuffle_outside_the_mask(float*, unsigned*) {
  if (threadIdx.x % 32 < 16) __shfl_sync(0xffffu, 1, 20);
}
__global__ void mma_by_half_a_warp(float* memory, unsigned*) {
  float d[4] = {};
  if (threadIdx.x % 32 < 16) mma<bf16>(d, make_uint4(0, 0, 0, 0), make_uint2(0, 0));
  memory[threadIdx.x] = d[0];
}
__global__ void ldmatrix_of_a_misaligned_row(float* memory, unsigned*) {
  SMEM(uint16_t, tile, [32][12]);
  tile[threadIdx.x % 32][0] = 0;
  memory[threadIdx.x] = float(ldmatrix(&tile[threadIdx.x % 32][0]).x);
}
__global__ void misaligned_load(float* memory, unsigned* words) { words[0] = load_shared_by_blocks(memory + 1).x; }
__global__ void misaligned_copy(float* memory, unsigned*) {
  SMEM(float, buffer, [64]);
  copy_async(&buffer[1], memory);
  copy_async_commit();
  copy_async_wait<0>();
}
__global__ void copy_to_global_memory(float* memory, unsigned*) {
  copy_async(memory, memory + 8);
  copy_async_commit();
  copy_async_wait<0>();
}
__global__ void copy_without_wait(float* memory, unsigned*) {
  SMEM(float, buffer, [256]);
  copy_async(&buffer[4 * threadIdx.x], memory);
  copy_async_commit();
}
__global__ void copy_whose_source_changes(float* memory, unsigned*) {
  SMEM(float, buffer, [256]);
  copy_async(&buffer[4 * threadIdx.x], memory + 4 * threadIdx.x);
  copy_async_commit();
  memory[4 * threadIdx.x] += 1;
  copy_async_wait<0>();
}
__global__ void named_barrier_counts_differ(float*, unsigned*) { barrier_sync(3, threadIdx.x < 32 ? 32 : 64); }
__global__ void named_barrier_of_part_of_a_warp(float*, unsigned*) { barrier_sync(3, 40); }
__global__ void named_barrier_nobody_else_comes_to(float*, unsigned*) {
  if (threadIdx.x < 32) barrier_sync(3, 64);
}
__global__ void flag_nobody_sets(float*, unsigned* words) {
  while (load_acquire(words) == 0) {
  }
}
__global__ void writes_past_its_array(float* memory, unsigned*) {
  SMEM(float, buffer, [64]);
  float* end = buffer + 64;
  if (threadIdx.x == 0) *end = 1;
  memory[threadIdx.x] = 0;
}
__global__ void too_much_static(float* memory, unsigned*) {
  SMEM(float, buffer, [12289]);
  buffer[threadIdx.x] = 0;
  memory[threadIdx.x] = 0;
}
__global__ void too_much_in_all(float* memory, unsigned*) {
  SMEM(float, buffer, [1024]);
  buffer[threadIdx.x] = 0;
  memory[threadIdx.x] = 0;
}
__global__ void much_beside_dynamic(float* memory, unsigned*) {
  SMEM(float, buffer, [4097]);
  buffer[threadIdx.x] = 0;
  memory[threadIdx.x] = 0;
}
__global__ void dynamic_memory_not_given(float*, unsigned*) {
  SMEM_DYN(float, buffer);
  buffer[threadIdx.x] = 0;
}
__global__ void no_grid_wait(float* memory, unsigned*) {
  grid_launch_dependents();
  memory[blockIdx.x * blockDim.x + threadIdx.x] = 1;
}
__global__ void mbarrier_arrivals_over_count(float*, unsigned*) {
  SMEM(uint64_t, barrier);
  if (threadIdx.x == 0) mbarrier_init(&barrier, 2);
  __syncthreads();
  if (threadIdx.x == 0) mbarrier_arrive_expect(&barrier, 1024);
  mbarrier_arrive(&barrier);
}
__global__ void mbarrier_not_initialised(float*, unsigned*) {
  SMEM(uint64_t, barrier);
  mbarrier_arrive(&barrier);
}
__global__ void bulk_copy_of_7_bytes(float* memory, unsigned*) {
  SMEM(uint64_t, barrier);
  SMEM(float, buffer, [64]);
  if (threadIdx.x != 0) return;
  mbarrier_init(&barrier, 1);
  copy_bulk(buffer, memory, 7, &barrier);
}
__global__ void bulk_copy_not_waited_for(float* memory, unsigned*) {
  SMEM(uint64_t, barrier);
  SMEM(float, buffer, [64]);
  if (threadIdx.x != 0) return;
  mbarrier_init(&barrier, 1);
  copy_bulk(buffer, memory, 64, &barrier);
}
__global__ void bytes_that_never_come(float*, unsigned*) {
  SMEM(uint64_t, barrier);
  if (threadIdx.x == 0) {
    mbarrier_init(&barrier, 1);
    mbarrier_arrive_expect(&barrier, 64);
  }
  __syncthreads();
  mbarrier_wait(&barrier, 0);
}

const Order kOverlaps = Order::overlaps_previous;
const Misuse kMisuses[] = {
    {"conditional_barrier", "wait at __syncthreads (|threads of the block have exited", conditional_barrier},
    {"exit_before_barrier", "wait at __syncthreads (|threads of the block have exited", exit_before_barrier},
    {"two_barriers_meet", "two barriers meet: __syncthreads at", two_barriers_meet},
    {"outside_its_own_mask", "is not in its own mask 0000ffff", outside_its_own_mask},
    {"mask_names_missing_lanes", "lanes fffffffe of the mask do not exist", mask_names_missing_lanes, 1, 1},
    {"mask_names_exited_lanes", "of the mask have exited|waits for it in __syncwarp", mask_names_exited_lanes},
    {"lanes_in_different_collectives", "divergent warp: ", lanes_in_different_collectives},
    {"lanes_on_different_lines", "divergent warp: __shfl_xor_sync", lanes_on_different_lines},
    {"shuffle_outside_the_mask", "reads lane 20, which is not in the mask 0000ffff", shuffle_outside_the_mask},
    {"mma_by_half_a_warp", "of the mask have exited|waits for it in mma.m16n8k16", mma_by_half_a_warp},
    {"ldmatrix_of_a_misaligned_row", "is misaligned", ldmatrix_of_a_misaligned_row},
    {"misaligned_load", "load_shared_by_blocks at ", misaligned_load},
    {"misaligned_copy", "which are misaligned", misaligned_copy},
    {"copy_to_global_memory", "which is not shared memory", copy_to_global_memory},
    {"copy_without_wait", "exits while an asynchronous copy of ", copy_without_wait},
    {"copy_whose_source_changes", "has changed before it was waited for", copy_whose_source_changes},
    {"named_barrier_counts_differ", "barrier 3 for |deadlock: ", named_barrier_counts_differ},
    {"named_barrier_of_part_of_a_warp", "40 threads, expected a multiple of 32 up to 64", named_barrier_of_part_of_a_warp},
    {"named_barrier_nobody_else_comes_to", "deadlock: 32 in barrier_sync (", named_barrier_nobody_else_comes_to},
    {"flag_nobody_sets", "no progress: 2000000 turns of spinning", flag_nobody_sets, 1, 32},
    {"writes_past_its_array", "memory just outside buffer, 256 bytes of shared memory", writes_past_its_array},
    {"too_much_static", "49156 bytes of SMEM, a block has at most 49152", too_much_static},
    {"too_much_in_all", "101380 bytes of shared memory, a block has at most 101376", too_much_in_all, 1, 64,
     Order::after_previous, 97284},
    {"too_much_without_asking", "49156 bytes of shared memory, the launch asks for no more than 49152", much_beside_dynamic,
     1, 64, Order::after_previous, 32 << 10},
    {"dynamic_memory_not_given", "the launch gives no dynamic shared memory", dynamic_memory_not_given},
    {"no_grid_wait", "the block has ended without grid_wait", no_grid_wait, 2, 64, kOverlaps},
    {"mbarrier_arrivals_over_count", "more than the 2 arrivals of a phase", mbarrier_arrivals_over_count},
    {"mbarrier_not_initialised", "the mbarrier has not been initialised", mbarrier_not_initialised},
    {"bulk_copy_of_7_bytes", "7 bytes, expected a multiple of 16", bulk_copy_of_7_bytes},
    {"bulk_copy_not_waited_for", "bulk copy of ", bulk_copy_not_waited_for},
    {"bytes_that_never_come", "deadlock: 64 in mbarrier.try_wait (", bytes_that_never_come},
    {"too_many_threads", "1025 threads a block, expected 1 to 1024", conditional_barrier, 1, 1025},
    {"no_blocks", "grid of 0 x 1 x 1", conditional_barrier, 0, 64},
    {"more_shared_memory_than_there_is", "bytes of shared memory, a block has at most 101376", conditional_barrier, 1, 64,
     Order::after_previous, 100 << 10},
};

bool contains_one_of(const std::string& text, std::string reports) {
  for (size_t end; (end = reports.find('|')) != std::string::npos; reports.erase(0, end + 1))
    if (text.find(reports.substr(0, end)) != std::string::npos) return true;
  return text.find(reports) != std::string::npos;
}

// What lands at once is never in flight, and AddressSanitizer ends the process where a red zone is written.
bool applies(const Misuse& misuse, int seed) {
  const std::string name = misuse.name;
  const bool in_flight = name == "copy_without_wait" || name == "copy_whose_source_changes" ||
                         name == "bulk_copy_not_waited_for";
  if (in_flight && seed % 3 != 0) return false;
#ifdef __SANITIZE_ADDRESS__
  if (name == "writes_past_its_array") return false;
#endif
  return true;
}

std::string report_of(const Misuse& misuse) {
  const Array<float> memory(256, 0);
  const Array<unsigned> words(64, 0);
  Stream stream;
  try {
    launch(misuse.kernel, Grid(misuse.blocks, misuse.threads, misuse.order, misuse.shared_bytes), stream, memory.data(),
           words.data());
    stream_sync(stream);
  } catch (const simt::Fault& fault) {
    return fault.what();
  }
  return "nothing";
}

}  // namespace
}  // namespace genarm::cuda

int main(int argc, char** argv) {
  using namespace genarm::cuda;
  const int num_seeds = argc > 1 ? atoi(argv[1]) : 12;
  int failures = 0;
  for (const Misuse& misuse : kMisuses)
    for (int seed = 0; seed < num_seeds; ++seed) {
      if (!applies(misuse, seed)) continue;
      simt::set_seed(uint64_t(seed));
      const std::string report = report_of(misuse);
      if (contains_one_of(report, misuse.report)) continue;
      printf("FAILED %s, seed %d: expected \"%s\", the executor says \"%s\"\n", misuse.name, seed, misuse.report,
             report.c_str());
      ++failures;
    }
  if (!failures) printf("passed, %zu kinds of misuse, %d seeds\n", std::size(kMisuses), num_seeds);
  return failures ? 1 : 0;
}
