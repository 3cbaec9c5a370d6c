// CUDA's training operations with host arrays, which are device memory to the executor; each call waits for its kernels.
#pragma once

#include <memory>

#include "cuda/cuda_training.h"
#include "cuda/runtime.h"
#include "simt/simt.h"

namespace genarm_test {

class SyncedCudaTraining final : public genarm::train::Operations {
 public:
  SyncedCudaTraining() : stream_(genarm::cuda::stream_create()), inner_(genarm::cuda::open_train_operations(stream_)) {}
  ~SyncedCudaTraining() override {
    inner_.reset();
    genarm::cuda::stream_destroy(stream_);
  }

  void compute_in_bf16(bool on) override { inner_->compute_in_bf16(on); }
  double sum_squares(const float* x, int64_t count) override { return inner_->sum_squares(x, count); }
  void zero(float* x, int64_t count) override {
    inner_->zero(x, count);
    genarm::cuda::stream_sync(stream_);
  }

#define GENARM_SYNCED(operation, Args)                       \
  void operation(const genarm::train::Args& args) override { \
    inner_->operation(args);                                 \
    genarm::cuda::stream_sync(stream_);                      \
  }
  GENARM_SYNCED(embed, EmbedArgs)
  GENARM_SYNCED(embed_backward, EmbedArgs)
  GENARM_SYNCED(rms_norm, RmsNormArgs)
  GENARM_SYNCED(rms_norm_backward, RmsNormArgs)
  GENARM_SYNCED(linear, LinearArgs)
  GENARM_SYNCED(linear_backward, LinearArgs)
  GENARM_SYNCED(low_rank, LowRankArgs)
  GENARM_SYNCED(low_rank_backward, LowRankArgs)
  GENARM_SYNCED(rope, RopeArgs)
  GENARM_SYNCED(rope_backward, RopeArgs)
  GENARM_SYNCED(attention, AttentionArgs)
  GENARM_SYNCED(attention_backward, AttentionArgs)
  GENARM_SYNCED(swiglu, SwigluArgs)
  GENARM_SYNCED(swiglu_backward, SwigluArgs)
  GENARM_SYNCED(log_prob, LogProbArgs)
  GENARM_SYNCED(log_prob_backward, LogProbArgs)
  GENARM_SYNCED(adam, AdamArgs)
#undef GENARM_SYNCED

 private:
  genarm::cuda::stream_t stream_;
  std::unique_ptr<genarm::train::Operations> inner_;
};

}  // namespace genarm_test
