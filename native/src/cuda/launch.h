// What a kernel file needs besides ptx.cuh: shared memory and the launch, for nvcc and for the host executor (simt/).
#pragma once

#include <cstddef>
#include <cstdint>
#include <new>
#include <tuple>
#include <type_traits>

#include "cuda/step_record.h"
#ifdef __CUDACC__
#include <cuda_runtime.h>

#include "error.h"
#else
#include "simt/cuda_names.h"
#endif

// SMEM(float, part, [8][33]); declares shared memory of a block, 16-byte aligned and not initialised.
// SMEM_DYN(float, part); names the launch's dynamic shared memory, once in a kernel.
// An array in a device function is one for the function, not one for each call.
#ifdef __CUDACC__
#define SMEM(type, name, ...) __shared__ __align__(16) type name __VA_ARGS__
#define SMEM_DYN(type, name)                               \
  extern __shared__ __align__(16) unsigned char smem_dyn[]; \
  type* const name = reinterpret_cast<type*>(smem_dyn)
#else
#define SMEM(type, name, ...)                                                                              \
  typedef type name##_type __VA_ARGS__;                                                                    \
  static const ::simt::Slot name##_slot{#name};                                                            \
  name##_type& name =                                                                                      \
      *static_cast<name##_type*>(::simt::shared(name##_slot, sizeof(name##_type), alignof(name##_type)))
#define SMEM_DYN(type, name) type* const name = static_cast<type*>(::simt::shared_dynamic())
#endif

namespace genarm::cuda {

// Without padding, whose bytes would differ between the same two launches (step_record.h).
struct Grid {
  dim3 blocks;
  unsigned threads;  // a block
  Order order;
  int cooperative = 0;  // 1: all blocks are resident at once, they may wait for each other
  size_t shared_bytes;  // dynamic, a block
  const char* file;
  int64_t line;

  Grid(dim3 grid_blocks, unsigned block_threads, Order launch_order, size_t dynamic_bytes = 0,
       const char* at_file = __builtin_FILE(), int at_line = __builtin_LINE())
      : blocks(grid_blocks), threads(block_threads), order(launch_order), shared_bytes(dynamic_bytes), file(at_file),
        line(at_line) {}
};

// A block has 48 KB without asking, of which what it declares by SMEM is a part: 16 KB at most beside SMEM_DYN.
constexpr size_t kSharedBytesWithoutAsking = 32 << 10;

#ifdef __CUDACC__
// Whether the current device knows programmatic dependent launch: sm_90 and newer (runtime.cu).
bool device_overlaps_kernels();

template <class... Parameters, class... Arguments>
void launch_now(void (*kernel)(Parameters...), const Grid& grid, stream_t stream, Arguments&&... arguments) {
  cudaLaunchAttribute attributes[2] = {};
  unsigned num_attributes = 0;
  if (grid.order == Order::overlaps_previous && device_overlaps_kernels()) {
    attributes[num_attributes].id = cudaLaunchAttributeProgrammaticStreamSerialization;
    attributes[num_attributes++].val.programmaticStreamSerializationAllowed = 1;
  }
  if (grid.cooperative) {
    attributes[num_attributes].id = cudaLaunchAttributeCooperative;
    attributes[num_attributes++].val.cooperative = 1;
  }
  cudaLaunchConfig_t config = {};
  config.gridDim = grid.blocks;
  config.blockDim = dim3(grid.threads);
  config.dynamicSmemBytes = grid.shared_bytes;
  config.stream = stream;
  config.attrs = attributes;
  config.numAttrs = num_attributes;
  cudaError_t status = cudaSuccess;
  if (grid.shared_bytes > kSharedBytesWithoutAsking)
    status = cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, int(grid.shared_bytes));
  if (status == cudaSuccess) status = cudaLaunchKernelEx(&config, kernel, static_cast<Parameters>(arguments)...);
  if (status != cudaSuccess)
    fail(GA_DEVICE_ERROR, "launch at %s:%d: %s", grid.file, int(grid.line), cudaGetErrorString(status));
}
#else
template <class... Parameters, class... Arguments>
void launch_now(void (*kernel)(Parameters...), const Grid& grid, stream_t stream, Arguments&&... arguments) {
  simt::LaunchShape shape;
  shape.grid = grid.blocks;
  shape.block = dim3(grid.threads);
  shape.shared_bytes = grid.shared_bytes;
  shape.asks_for_shared = grid.shared_bytes > kSharedBytesWithoutAsking;
  shape.overlaps = grid.order == Order::overlaps_previous;
  shape.cooperative = grid.cooperative != 0;
  shape.file = grid.file;
  shape.line = int(grid.line);
  simt::stream_launch(stream, shape,
                      [kernel, values = std::tuple<std::decay_t<Parameters>...>(arguments...)] { std::apply(kernel, values); });
}
#endif

// A launch as StepRecord keeps it.
template <class... Parameters>
struct Asked {
  void (*kernel)(Parameters...);
  Grid grid;
  std::tuple<Parameters...> values;

  static void issue(const void* asked, stream_t stream) {
    const auto& a = *static_cast<const Asked*>(asked);
    std::apply([&](const Parameters&... values) { launch_now(a.kernel, a.grid, stream, values...); }, a.values);
  }
};

// Launches kernel(arguments...), or writes that down where steps are recorded.
template <class... Parameters, class... Arguments>
void launch(void (*kernel)(Parameters...), const Grid& grid, stream_t stream, Arguments&&... arguments) {
  if (!recording) return launch_now(kernel, grid, stream, static_cast<Parameters>(arguments)...);
  using Launch = Asked<Parameters...>;
  static_assert(std::is_trivially_destructible_v<Launch> && alignof(Launch) <= alignof(std::max_align_t));
  auto* asked = static_cast<Launch*>(recording->add(Launch::issue, sizeof(Launch)));
  new (&asked->kernel) auto(kernel);
  new (&asked->grid) Grid(grid);
  new (&asked->values) std::tuple<Parameters...>(static_cast<Parameters>(arguments)...);
}

}  // namespace genarm::cuda
