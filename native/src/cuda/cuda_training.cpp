#include "cuda/cuda_training.h"

#include <vector>

#include "cuda/cuda_matrix.h"
#include "cuda/runtime.h"
#include "cuda/train_kernels.h"

namespace genarm::cuda {
namespace {

class CudaTraining final : public train::Operations {
 public:
  explicit CudaTraining(stream_t stream) : stream_(stream) {}

  void compute_in_bf16(bool on) override { bf16_ = on; }

  void embed(const train::EmbedArgs& a) override { train_embed(a, stream_); }
  void embed_backward(const train::EmbedArgs& a) override { train_embed_backward(a, stream_); }
  void rms_norm(const train::RmsNormArgs& a) override { train_rms_norm(a, stream_); }
  void rms_norm_backward(const train::RmsNormArgs& a) override { train_rms_norm_backward(a, stream_); }
  void rope(const train::RopeArgs& a) override { train_rope(a, 1, stream_); }
  void rope_backward(const train::RopeArgs& a) override { train_rope(a, -1, stream_); }
  void attention(const train::AttentionArgs& a) override { train_attention(a, stream_); }
  void attention_backward(const train::AttentionArgs& a) override { train_attention_backward(a, stream_); }
  void swiglu(const train::SwigluArgs& a) override { train_swiglu(a, stream_); }
  void swiglu_backward(const train::SwigluArgs& a) override { train_swiglu_backward(a, stream_); }
  void log_prob(const train::LogProbArgs& a) override { train_log_prob(a, stream_); }
  void log_prob_backward(const train::LogProbArgs& a) override { train_log_prob_backward(a, stream_); }
  void adam(const train::AdamArgs& a) override { train_adam(a, stream_); }
  void zero(float* x, int64_t count) override { device_clear(x, size_t(count) * sizeof(float), stream_); }

  void linear(const train::LinearArgs& a) override;
  void linear_backward(const train::LinearArgs& a) override;
  void low_rank(const train::LowRankArgs& a) override;
  void low_rank_backward(const train::LowRankArgs& a) override;
  double sum_squares(const float* x, int64_t count) override;

 private:
  void multiply(const Gemm& gemm) { train_gemm(gemm, bf16_, stream_); }
  const float* dropped(const train::LowRankArgs& a);
  void core(const train::LowRankArgs& a);
  void core_backward(const train::LowRankArgs& a);

  stream_t stream_;
  bool bf16_ = false;
  DeviceMemory squares_;
};

void CudaTraining::linear(const train::LinearArgs& a) {
  const float* start = a.residual ? a.residual : a.bias;
  multiply({a.y, a.outputs, a.x, a.inputs, 1, a.weight, 1, a.inputs, a.num_rows, a.outputs, a.inputs, start,
            a.residual ? a.outputs : 0});
  if (a.residual && a.bias) train_add_bias(a.y, a.bias, a.num_rows, a.outputs, stream_);
}

void CudaTraining::linear_backward(const train::LinearArgs& a) {
  if (a.weight_gradient) {
    multiply({a.weight_gradient, a.inputs, a.y_gradient, 1, a.outputs, a.x, a.inputs, 1, a.outputs, a.inputs, a.num_rows,
              a.weight_gradient, a.inputs});
  }
  if (a.x_gradient) {
    multiply({a.x_gradient, a.inputs, a.y_gradient, a.outputs, 1, a.weight, a.inputs, 1, a.num_rows, a.inputs, a.outputs,
              a.accumulate ? a.x_gradient : nullptr, a.inputs});
  }
  if (a.bias_gradient) train_sum_rows(a.bias_gradient, a.y_gradient, a.num_rows, a.outputs, stream_);
}

// The layer's input after dropout.
const float* CudaTraining::dropped(const train::LowRankArgs& a) {
  if (a.dropout.rate == 0) return a.x;
  train_dropout(a.dropped, a.x, a.dropout, a.num_rows, a.inputs, false, stream_);
  return a.dropped;
}

// The two blocks of h C^T.
void CudaTraining::core(const train::LowRankArgs& a) {
  const train::LowRankCore& c = a.core;
  const int64_t rows = a.num_rows, rank = a.rank, r1 = c.fixed_rank, r2 = rank - r1;
  train_mix(c, r2 * r2, stream_);
  multiply({c.out, rank, a.h, rank, 1, c.w1, 1, r1, rows, r1, r1, nullptr, 0});
  multiply({c.out + r1, rank, a.h + r1, rank, 1, c.mixed, 1, r2, rows, r2, r2, nullptr, 0});
}

void CudaTraining::core_backward(const train::LowRankArgs& a) {
  const train::LowRankCore& c = a.core;
  const int64_t rows = a.num_rows, rank = a.rank, r1 = c.fixed_rank, r2 = rank - r1;
  const float *d1 = c.out_gradient, *d2 = c.out_gradient + r1;
  train_mix(c, r2 * r2, stream_);
  multiply({c.w1_gradient, r1, d1, 1, rank, a.h, rank, 1, r1, r1, rows, c.w1_gradient, r1});
  for (int32_t k = 0; k < c.num_objectives; ++k) {
    float *weighed = a.h_gradient + r1, *gradient = c.w2_gradient + k * r2 * r2;  // h's gradient is not needed yet
    train_weigh(weighed, d2, c.preference + k, rows, r2, rank, stream_);
    multiply({gradient, r2, weighed, 1, rank, a.h + r1, rank, 1, r2, r2, rows, gradient, r2});
  }
  multiply({a.h_gradient, rank, d1, rank, 1, c.w1, r1, 1, rows, r1, r1, nullptr, 0});
  multiply({a.h_gradient + r1, rank, d2, rank, 1, c.mixed, r2, 1, rows, r2, r2, nullptr, 0});
}

void CudaTraining::low_rank(const train::LowRankArgs& a) {
  const int64_t rows = a.num_rows, in = a.inputs, out = a.outputs, rank = a.rank;
  multiply({a.h, rank, dropped(a), in, 1, a.a, 1, in, rows, rank, in, nullptr, 0});
  train_scale(a.h, a.scale, rows * rank, stream_);
  if (a.core.w1) core(a);
  multiply({a.y, out, a.core.w1 ? a.core.out : a.h, rank, 1, a.b, 1, rank, rows, out, rank, a.y, out});
}

void CudaTraining::low_rank_backward(const train::LowRankArgs& a) {
  const int64_t rows = a.num_rows, in = a.inputs, out = a.outputs, rank = a.rank;
  const bool has_core = a.core.w1 != nullptr, drops = a.dropout.rate > 0;
  const float* t = has_core ? a.core.out : a.h;
  float* t_gradient = has_core ? a.core.out_gradient : a.h_gradient;
  multiply({a.b_gradient, rank, a.y_gradient, 1, out, t, rank, 1, out, rank, rows, a.b_gradient, rank});
  multiply({t_gradient, rank, a.y_gradient, out, 1, a.b, rank, 1, rows, rank, out, nullptr, 0});
  if (has_core) core_backward(a);
  train_scale(a.h_gradient, a.scale, rows * rank, stream_);
  multiply({a.a_gradient, in, a.h_gradient, 1, rank, dropped(a), in, 1, rank, in, rows, a.a_gradient, in});
  if (!a.x_gradient) return;
  multiply({drops ? a.dropped : a.x_gradient, in, a.h_gradient, rank, 1, a.a, in, 1, rows, in, rank,
            drops ? nullptr : a.x_gradient, in});
  if (drops) train_dropout(a.x_gradient, a.dropped, a.dropout, rows, in, true, stream_);
}

double CudaTraining::sum_squares(const float* x, int64_t count) {
  std::vector<double> sums(size_t((count + kSquaresBlock - 1) / kSquaresBlock));
  const size_t bytes = sums.size() * sizeof(double);
  if (bytes > squares_.bytes()) {
    stream_sync(stream_);
    squares_ = DeviceMemory(bytes);
  }
  train_squares(squares_.as<double>(), x, count, stream_);
  if (bytes > 0) copy_to_host(sums.data(), squares_.as<double>(), bytes, stream_);
  double total = 0;
  for (double sum : sums) total += sum;
  return total;
}

}  // namespace

std::unique_ptr<train::Operations> open_train_operations(stream_t stream) { return std::make_unique<CudaTraining>(stream); }

}  // namespace genarm::cuda
