// rms_norm(hidden) * norm as the input of a GEMV, computed by every block for itself: a few KB from L2 instead of a
// kernel of its own.
#pragma once

#include "cuda/gemv.cuh"
#include "cuda/warp.cuh"
#include "error.h"

namespace genarm::cuda {

inline void require_eights(int columns) {
  if (columns % 8 != 0) fail(GA_UNSUPPORTED, "hidden_size must be a multiple of 8 on CUDA, got %d", columns);
}

// 1 / rms of up to kGroups * kGemvRows rows, in shared memory. A warp sums a row, so that it is the same whatever the
// others are. After grid_wait(); the whole block calls, once in a kernel.
template <int kGroups>
__device__ __forceinline__ const float* row_scales(const float* hidden, int64_t stride, int columns, int num_rows,
                                                   float eps) {
  SMEM(float, scale, [kGroups * kGemvRows]);
  const int lane = int(threadIdx.x) % 32;
  for (int row = int(threadIdx.x) / 32; row < num_rows; row += kGemvWarps) {
    const float* h = hidden + row * stride;
    float squares = 0;
    for (int i = lane * 4; i < columns; i += 128) {
      const uint4 v = load_shared_by_blocks(h + i);
      const float a = __uint_as_float(v.x), b = __uint_as_float(v.y), c = __uint_as_float(v.z), d = __uint_as_float(v.w);
      squares += a * a + b * b + c * c + d * d;
    }
    squares = warp_sum(squares);
    if (lane == 0) scale[row] = 1 / sqrtf(squares / float(columns) + eps);
  }
  __syncthreads();
  return scale;
}

// A lane's rows of bf16, made from the residual as they are needed (see PlainRows).
class NormedRows {
 public:
  // scale: of each row; columns: a multiple of 8.
  __device__ __forceinline__ NormedRows(const float* hidden, int64_t stride, const float* norm, const float* scale,
                                        int num_rows, int columns, const int32_t* order)
      : mine_(hidden + row_of_lane() * stride), group_stride_(kGemvRows * stride), norm_(norm),
        scale_(scale + row_of_lane()), left_(num_rows - row_of_lane()), columns_(columns), order_(order) {}

  __device__ __forceinline__ uint4 load(int group, int first) const {
    if (group * kGemvRows >= left_ || (!order_ && first >= columns_)) return make_uint4(0, 0, 0, 0);
    const float* row = mine_ + group * group_stride_;
    const float s = scale_[group * kGemvRows];
    if (order_)
      return gather([&](int i) {
        const int column = order_[first + i];
        return column >= 0 ? unsigned(from_float<bf16>(row[column] * s * norm_[column]).bits) : 0u;
      });
    unsigned pair[4];
#pragma unroll
    for (int i = 0; i < 2; ++i) {
      const uint4 h = load_shared_by_blocks(row + first + 4 * i), n = load_shared_by_blocks(norm_ + first + 4 * i);
      const auto x = [&](unsigned value, unsigned weight) { return __uint_as_float(value) * s * __uint_as_float(weight); };
      pair[2 * i] = pack<bf16>(x(h.x, n.x), x(h.y, n.y));
      pair[2 * i + 1] = pack<bf16>(x(h.z, n.z), x(h.w, n.w));
    }
    return make_uint4(pair[0], pair[1], pair[2], pair[3]);
  }

 private:
  const float* mine_;  // this lane's row of the first group
  int64_t group_stride_;
  const float *norm_, *scale_;
  int left_, columns_;
  const int32_t* order_;
};

}  // namespace genarm::cuda
