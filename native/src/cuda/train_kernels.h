// Kernels of training on a GPU: what CudaTraining (cuda_training.h) launches. Contracts: train/operations.h.
#pragma once

#include <cstdint>

#include "cuda/stream.h"
#include "train/operations.h"

namespace genarm::cuda {

// C = start + A B, for any strides; in f32 every element is one chain of fma over k in order, as on the CPU.
struct Gemm {
  float* c;  // [m, n], rows ldc apart
  int64_t ldc;
  const float* a;  // element (i, k) at a[i * a_row + k * a_column]
  int64_t a_row, a_column;
  const float* b;  // element (k, j) at b[k * b_row + j * b_column]
  int64_t b_row, b_column;
  int64_t m, n, k;
  const float* start;  // row i at start + i * start_row, or null for 0
  int64_t start_row;
};
// rounded: factors are rounded to bf16 and multiplied by tensor cores.
void train_gemm(const Gemm& gemm, bool rounded, stream_t stream);

// y[r, j] += bias[j]; out[j] += sum over r of y[r, j]
void train_add_bias(float* y, const float* bias, int64_t rows, int64_t columns, stream_t stream);
void train_sum_rows(float* out, const float* y, int64_t rows, int64_t columns, stream_t stream);

void train_embed(const train::EmbedArgs& args, stream_t stream);
void train_embed_backward(const train::EmbedArgs& args, stream_t stream);
void train_rms_norm(const train::RmsNormArgs& args, stream_t stream);
void train_rms_norm_backward(const train::RmsNormArgs& args, stream_t stream);
void train_rope(const train::RopeArgs& args, float direction, stream_t stream);
void train_swiglu(const train::SwigluArgs& args, stream_t stream);
void train_swiglu_backward(const train::SwigluArgs& args, stream_t stream);
void train_log_prob(const train::LogProbArgs& args, stream_t stream);
void train_log_prob_backward(const train::LogProbArgs& args, stream_t stream);
void train_attention(const train::AttentionArgs& args, stream_t stream);
void train_attention_backward(const train::AttentionArgs& args, stream_t stream);
void train_adam(const train::AdamArgs& args, stream_t stream);

// out = x * kept / (1 - rate), or out += that; [rows, columns].
void train_dropout(float* out, const float* x, const train::Dropout& dropout, int64_t rows, int64_t columns, bool accumulate,
                   stream_t stream);
void train_scale(float* x, float scale, int64_t count, stream_t stream);
// W2(p).
void train_mix(const train::LowRankCore& core, int64_t size, stream_t stream);
// out = *factor * x, rows of both `stride` apart; the factor lies on the device.
void train_weigh(float* out, const float* x, const float* factor, int64_t rows, int64_t columns, int64_t stride,
                 stream_t stream);

// sums[b] = sum of squares of the elements [b * kSquaresBlock, ...).
constexpr int64_t kSquaresBlock = 1 << 16;
void train_squares(double* sums, const float* x, int64_t count, stream_t stream);

}  // namespace genarm::cuda
