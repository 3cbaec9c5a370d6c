// mbarriers and bulk copies: a ring of three stages, filled by one warp and read by two.
#include "cuda/ptx_bulk.cuh"
#include "cuda/warp.cuh"
#include "harness.h"

namespace genarm::cuda {
namespace {

constexpr int kStages = 3, kStageFloats = 64, kReaders = 64;

__global__ void ring_kernel(const float* in, float* out, int num_chunks) {
  SMEM(float, ring, [kStages][kStageFloats]);
  SMEM(uint64_t, full, [kStages]);
  SMEM(uint64_t, empty, [kStages]);
  if (threadIdx.x == 0)
    for (int i = 0; i < kStages; ++i) {
      mbarrier_init(&full[i], 1);
      mbarrier_init(&empty[i], kReaders);
    }
  __syncthreads();

  if (threadIdx.x < 32) {
    for (int chunk = 0; chunk < num_chunks && threadIdx.x == 0; ++chunk) {
      const int stage = chunk % kStages, round = chunk / kStages % 2;
      mbarrier_wait(&empty[stage], round ^ 1);
      mbarrier_arrive_expect(&full[stage], kStageFloats * 4);
      copy_bulk(ring[stage], in + chunk * kStageFloats, kStageFloats * 2, &full[stage]);
      copy_bulk(ring[stage] + kStageFloats / 2, in + chunk * kStageFloats + kStageFloats / 2, kStageFloats * 2,
                &full[stage]);
    }
    return;
  }
  const int i = int(threadIdx.x) - 32;
  float sum = 0;
  for (int chunk = 0; chunk < num_chunks; ++chunk) {
    const int stage = chunk % kStages, round = chunk / kStages % 2;
    mbarrier_wait(&full[stage], round);
    sum += float(chunk + 1) * ring[stage][(i + 17) % kStageFloats];
    mbarrier_arrive(&empty[stage]);
  }
  out[blockIdx.x * kReaders + unsigned(i)] = sum;
}

void a_ring_of_bulk_copies_delivers_every_chunk() {
  const int num_chunks = 11;
  const std::vector<float> values = random_floats(num_chunks * kStageFloats, 2);
  const Array<float> in(values), out(2 * kReaders, 0);
  Stream stream;

  launch(ring_kernel, Grid(2, 32 + kReaders, Order::after_previous), stream, in.data(), out.data(), num_chunks);
  stream_sync(stream);

  const std::vector<float> result = out.get();
  for (int i = 0; i < 2 * kReaders; ++i) {
    double expected = 0;
    for (int chunk = 0; chunk < num_chunks; ++chunk)
      expected += (chunk + 1) * double(values[size_t(chunk * kStageFloats + (i + 17) % kStageFloats)]);
    check_near(result[size_t(i)], expected, 1e-4, "sum", i, 0);
  }
}

}  // namespace
}  // namespace genarm::cuda

int main(int argc, char** argv) {
  using namespace genarm::cuda;
  return run_cases(argc, argv, {{"a_ring_of_bulk_copies_delivers_every_chunk", a_ring_of_bulk_copies_delivers_every_chunk}});
}
