// Training's element-wise kernels beside those of rows: dropout, which counts what it keeps (train/operations.h), the
// middle of a preference-conditioned update, AdamW and the squares that clipping needs. Bound by bandwidth.
#include "cuda/ptx.cuh"
#include "cuda/train_kernels.h"
#include "noise.h"

namespace genarm::cuda {
namespace {

constexpr int kThreads = 256;

unsigned blocks_of(int64_t count) { return unsigned((count + kThreads - 1) / kThreads); }
__device__ __forceinline__ int64_t element() { return int64_t(blockIdx.x) * kThreads + threadIdx.x; }

// A thread takes the four columns of one draw.
__global__ void __launch_bounds__(kThreads) dropout_kernel(float* out, const float* x, const train::Dropout d, int64_t rows,
                                                           int64_t columns, int accumulate) {
  const int64_t fours = (columns + 3) / 4, e = element();
  if (e >= rows * fours) return;
  const int64_t r = e / fours, four = e % fours;
  const Philox4 draw = philox(d.seed, uint32_t(four), d.first_row + uint32_t(r), d.module, d.update);
  const uint32_t limit = uint32_t(double(d.rate) * 4294967296.0);
  const float kept = 1.0f / (1.0f - d.rate);
  for (int i = 0; i < 4 && 4 * four + i < columns; ++i) {
    const int64_t at = r * columns + 4 * four + i;
    const float v = draw.word[i] < limit ? 0.0f : x[at] * kept;
    out[at] = accumulate ? out[at] + v : v;
  }
}

__global__ void __launch_bounds__(kThreads) scale_kernel(float* x, float scale, int64_t count) {
  const int64_t i = element();
  if (i < count) x[i] *= scale;
}

__global__ void __launch_bounds__(kThreads) mix_kernel(const __grid_constant__ train::LowRankCore c, int64_t size) {
  const int64_t i = element();
  if (i >= size) return;
  float sum = 0;
  for (int k = 0; k < c.num_objectives; ++k) sum += c.preference[k] * c.w2[k * size + i];
  c.mixed[i] = sum;
}

__global__ void __launch_bounds__(kThreads) weigh_kernel(float* out, const float* x, const float* factor, int64_t count,
                                                         int64_t columns, int64_t stride) {
  const int64_t i = element();
  if (i >= count) return;
  const int64_t at = i / columns * stride + i % columns;
  out[at] = *factor * x[at];
}

struct AdamStep {
  float keep, rate, root, fresh1, fresh2;
};

__global__ void __launch_bounds__(kThreads) adam_kernel(const __grid_constant__ train::AdamArgs a, const AdamStep step) {
  const int64_t i = element();
  if (i >= a.count) return;
  const float g = a.gradient[i] * a.gradient_scale;
  const float m = fmaf(a.beta1, a.first_moment[i], step.fresh1 * g);
  const float v = fmaf(a.beta2, a.second_moment[i], step.fresh2 * g * g);
  a.first_moment[i] = m;
  a.second_moment[i] = v;
  a.weight[i] = fmaf(-step.rate, m / fmaf(sqrtf(v), step.root, a.eps), a.weight[i] * step.keep);
}

// A thread sums every kThreads-th element of its block in double, thread 0 the threads' sums in order.
__global__ void __launch_bounds__(kThreads) squares_kernel(double* sums, const float* x, int64_t count) {
  SMEM(double, part, [kThreads]);
  const int64_t begin = int64_t(blockIdx.x) * kSquaresBlock;
  const int64_t end = begin + kSquaresBlock < count ? begin + kSquaresBlock : count;
  double sum = 0;
  for (int64_t i = begin + threadIdx.x; i < end; i += kThreads) sum += double(x[i]) * double(x[i]);
  part[threadIdx.x] = sum;
  __syncthreads();
  if (threadIdx.x > 0) return;
  double total = 0;
  for (int i = 0; i < kThreads; ++i) total += part[i];
  sums[blockIdx.x] = total;
}

Grid grid_of(int64_t count) { return Grid(blocks_of(count), kThreads, Order::after_previous); }

}  // namespace

void train_dropout(float* out, const float* x, const train::Dropout& dropout, int64_t rows, int64_t columns, bool accumulate,
                   stream_t stream) {
  launch(dropout_kernel, grid_of(rows * ((columns + 3) / 4)), stream, out, x, dropout, rows, columns, int(accumulate));
}

void train_scale(float* x, float scale, int64_t count, stream_t stream) {
  launch(scale_kernel, grid_of(count), stream, x, scale, count);
}

void train_mix(const train::LowRankCore& core, int64_t size, stream_t stream) {
  launch(mix_kernel, grid_of(size), stream, core, size);
}

void train_weigh(float* out, const float* x, const float* factor, int64_t rows, int64_t columns, int64_t stride,
                 stream_t stream) {
  launch(weigh_kernel, grid_of(rows * columns), stream, out, x, factor, rows * columns, columns, stride);
}

void train_adam(const train::AdamArgs& a, stream_t stream) {
  if (a.count == 0) return;
  const AdamStep step = {1.0f - a.rate * a.decay, float(double(a.rate) / a.first_correction),
                         float(1.0 / __builtin_sqrt(a.second_correction)), 1.0f - a.beta1, 1.0f - a.beta2};
  launch(adam_kernel, grid_of(a.count), stream, a, step);
}

void train_squares(double* sums, const float* x, int64_t count, stream_t stream) {
  const unsigned blocks = unsigned((count + kSquaresBlock - 1) / kSquaresBlock);
  if (blocks > 0) launch(squares_kernel, Grid(blocks, kThreads, Order::after_previous), stream, sums, x, count);
}

}  // namespace genarm::cuda
