#include "kernels.h"

#include "operations.h"

namespace genarm::cpu::GENARM_ISA {

const TrainKernels& train_kernels() {
  static constexpr TrainKernels kKernels = {
      embed,     embed_backward,     rms_norm, rms_norm_backward, linear,   linear_backward,   low_rank, low_rank_backward,
      rope,      rope_backward,      attention, attention_backward, swiglu, swiglu_backward,   log_prob, log_prob_backward,
      adam,      sum_squares};
  return kKernels;
}

}  // namespace genarm::cpu::GENARM_ISA
