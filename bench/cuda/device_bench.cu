// What the device itself can do: reads and copies of memory, the boundary between two kernels with and without
// programmatic dependent launch, and the gap between two graphs. The read rate is the ceiling of every other bench.
#include "cuda/ptx.cuh"
#include "gpu_bench.h"

namespace genarm::cuda {
namespace {

constexpr int kThreads = 512;
constexpr int kAhead = 8;  // 16-byte loads in flight a thread

__global__ void __launch_bounds__(kThreads, 2) read_kernel(const uint4* data, int64_t count, unsigned* sink) {
  unsigned sum = 0;
  const int64_t step = int64_t(gridDim.x) * kThreads;
  for (int64_t i = int64_t(blockIdx.x) * kThreads + threadIdx.x; i < count; i += step * kAhead) {
    uint4 v[kAhead];
#pragma unroll
    for (int k = 0; k < kAhead; ++k)
      v[k] = i + k * step < count ? load_streaming(data + i + k * step) : make_uint4(0, 0, 0, 0);
#pragma unroll
    for (int k = 0; k < kAhead; ++k) sum ^= v[k].x ^ v[k].y ^ v[k].z ^ v[k].w;
  }
  if (sum == 0x12345678u) *sink = sum;  // so that nothing is left out
}

__global__ void __launch_bounds__(kThreads, 2) copy_kernel(const uint4* from, uint4* to, int64_t count) {
  const int64_t step = int64_t(gridDim.x) * kThreads;
  for (int64_t i = int64_t(blockIdx.x) * kThreads + threadIdx.x; i < count; i += step) to[i] = load_streaming(from + i);
}

__global__ void __launch_bounds__(kThreads) empty_kernel() {
  grid_launch_dependents();
  grid_wait();
}

void memory(const BenchOptions& options, stream_t stream) {
  const size_t bytes = options.smoke ? size_t(1) << 16 : size_t(4) << 30;
  const DeviceMemory from = random_memory(bytes, stream), to = random_memory(bytes / 2, stream), sink(16);
  const unsigned blocks = options.smoke ? 2 : 264;
  const Spread read = time_us(options, stream, 1, [&](int) {
    launch(read_kernel, Grid(blocks, kThreads, Order::after_previous), stream, from.as<const uint4>(), int64_t(bytes / 16),
           sink.as<unsigned>());
  });
  report(options, "\"section\": \"device\", \"name\": \"read\", \"gb_per_s\": %.1f, \"us\": %.2f",
         double(bytes) / read.median / 1e3, read.median);
  const Spread copy = time_us(options, stream, 1, [&](int) {
    launch(copy_kernel, Grid(blocks, kThreads, Order::after_previous), stream, from.as<const uint4>(), to.as<uint4>(),
           int64_t(bytes / 32));
  });
  report(options, "\"section\": \"device\", \"name\": \"copy\", \"gb_per_s\": %.1f, \"us\": %.2f",
         double(bytes) / copy.median / 1e3, copy.median);
}

void boundaries(const BenchOptions& options, stream_t stream) {
  const int times = options.smoke ? 3 : 400;
  const unsigned blocks = options.smoke ? 2 : 132;
  for (const Order order : {Order::after_previous, Order::overlaps_previous}) {
    const Spread us =
        time_us(options, stream, times, [&](int) { launch(empty_kernel, Grid(blocks, kThreads, order), stream); });
    report(options, "\"section\": \"device\", \"name\": \"boundary %s\", \"us\": %.3f, \"us_low\": %.3f, \"us_high\": %.3f",
           order == Order::after_previous ? "plain" : "pdl", us.median, us.low, us.high);
  }
  const graph_t graph = capture(stream, [&] { launch(empty_kernel, Grid(1, kThreads, Order::after_previous), stream); });
  const int graphs = options.smoke ? 2 : 1000;
  stream_sync(stream);
  const auto begin = Clock::now();
  for (int i = 0; i < graphs; ++i) graph_launch(graph, stream);
  stream_sync(stream);
  const double us = std::chrono::duration<double, std::micro>(Clock::now() - begin).count() / graphs;
  graph_destroy(graph);
  report(options, "\"section\": \"device\", \"name\": \"graph gap\", \"us\": %.3f", us);
}

}  // namespace
}  // namespace genarm::cuda

int main(int argc, char** argv) {
  using namespace genarm::cuda;
  const BenchOptions options(argc, argv);
  const std::string name = device_select(0);
  report(options, "\"section\": \"device\", \"name\": \"card\", \"card\": \"%s\", \"bytes\": %lld", name.c_str(),
         static_cast<long long>(device_memory().total));
  const stream_t stream = stream_create();
  memory(options, stream);
  boundaries(options, stream);
  stream_destroy(stream);
}
