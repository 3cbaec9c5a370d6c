// What a kernel file needs besides ptx.cuh: shared memory and the launch, for nvcc and for the host executor (simt/).
#pragma once

#include <cstddef>
#include <cstdint>
#include <tuple>

#include "cuda/stream.h"
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

struct Grid {
  dim3 blocks;
  unsigned threads;  // a block
  Order order;
  size_t shared_bytes;  // dynamic, a block
  bool cooperative = false;  // all blocks are resident at once: they may wait for each other
  const char* file;
  int line;

  Grid(dim3 grid_blocks, unsigned block_threads, Order launch_order, size_t dynamic_bytes = 0,
       const char* at_file = __builtin_FILE(), int at_line = __builtin_LINE())
      : blocks(grid_blocks), threads(block_threads), order(launch_order), shared_bytes(dynamic_bytes), file(at_file),
        line(at_line) {}
};

#ifdef __CUDACC__
constexpr size_t kSharedBytesWithoutAsking = 48 << 10;

template <class... Parameters, class... Arguments>
void launch(void (*kernel)(Parameters...), const Grid& grid, stream_t stream, Arguments&&... arguments) {
  cudaLaunchAttribute attributes[2] = {};
  unsigned num_attributes = 0;
  if (grid.order == Order::overlaps_previous) {
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
    fail(GA_DEVICE_ERROR, "launch at %s:%d: %s", grid.file, grid.line, cudaGetErrorString(status));
}
#else
template <class... Parameters, class... Arguments>
void launch(void (*kernel)(Parameters...), const Grid& grid, stream_t stream, Arguments&&... arguments) {
  simt::LaunchShape shape;
  shape.grid = grid.blocks;
  shape.block = dim3(grid.threads);
  shape.shared_bytes = grid.shared_bytes;
  shape.overlaps = grid.order == Order::overlaps_previous;
  shape.cooperative = grid.cooperative;
  shape.file = grid.file;
  shape.line = grid.line;
  simt::stream_launch(stream, shape,
                      [kernel, values = std::tuple<std::decay_t<Parameters>...>(arguments...)] { std::apply(kernel, values); });
}
#endif

}  // namespace genarm::cuda
