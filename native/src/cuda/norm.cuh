// rms_norm(hidden) * norm as the input of a GEMV, computed by every block for itself: a few KB from L2 instead of a
// kernel of its own.
#pragma once

#include "cuda/gemv.cuh"
#include "cuda/warp.cuh"

namespace genarm::cuda {

// 1 / rms of up to kGemvRows rows, in shared memory. A warp sums a row, so that it is the same whatever the others
// are. After grid_wait(); the whole block calls, once in a kernel.
__device__ __forceinline__ const float* row_scales(const float* hidden, int64_t stride, int columns, int num_rows,
                                                   float eps) {
  SMEM(float, scale, [kGemvRows]);
  const int row = int(threadIdx.x) / 32, lane = int(threadIdx.x) % 32;
  if (row < num_rows) {
    const float* h = hidden + row * stride;
    float squares = 0;
    for (int i = lane * 4; i < columns; i += 128) {
      if (i + 4 <= columns) {
        const uint4 v = load_shared_by_blocks(h + i);
        const float a = __uint_as_float(v.x), b = __uint_as_float(v.y), c = __uint_as_float(v.z), d = __uint_as_float(v.w);
        squares += a * a + b * b + c * c + d * d;
      } else {
        for (int j = i; j < columns; ++j) squares += h[j] * h[j];
      }
    }
    squares = warp_sum(squares);
    if (lane == 0) scale[row] = 1 / sqrtf(squares / float(columns) + eps);
  }
  __syncthreads();
  return scale;
}

// A lane's row of T, made from the residual as it is needed (see PlainRow).
template <class T>
struct NormedRow {
  const float* hidden;  // or null
  const float* norm;
  float scale;
  int columns;

  __device__ __forceinline__ uint4 load(int first) const {
    if (!hidden || first >= columns) return make_uint4(0, 0, 0, 0);
    unsigned pair[4];
#pragma unroll
    for (int i = 0; i < 2; ++i) {
      const int at = first + 4 * i;
      float x[4] = {};
      if (at + 4 <= columns) {
        const uint4 h = load_shared_by_blocks(hidden + at), n = load_shared_by_blocks(norm + at);
        x[0] = __uint_as_float(h.x) * scale * __uint_as_float(n.x);
        x[1] = __uint_as_float(h.y) * scale * __uint_as_float(n.y);
        x[2] = __uint_as_float(h.z) * scale * __uint_as_float(n.z);
        x[3] = __uint_as_float(h.w) * scale * __uint_as_float(n.w);
      } else {
#pragma unroll
        for (int j = 0; j < 4; ++j) {
          if (at + j < columns) x[j] = hidden[at + j] * scale * norm[at + j];
        }
      }
      pair[2 * i] = pack<T>(x[0], x[1]);
      pair[2 * i + 1] = pack<T>(x[2], x[3]);
    }
    return make_uint4(pair[0], pair[1], pair[2], pair[3]);
  }
};

}  // namespace genarm::cuda
