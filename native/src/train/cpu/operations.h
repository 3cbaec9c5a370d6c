// The training operations of one instruction set: contracts in train/operations.h.
#pragma once

#include "gemm.h"

namespace genarm::cpu::GENARM_ISA {

void embed(TrainContext& context, const train::EmbedArgs& args);
void embed_backward(TrainContext& context, const train::EmbedArgs& args);
void rms_norm(TrainContext& context, const train::RmsNormArgs& args);
void rms_norm_backward(TrainContext& context, const train::RmsNormArgs& args);
void linear(TrainContext& context, const train::LinearArgs& args);
void linear_backward(TrainContext& context, const train::LinearArgs& args);
void low_rank(TrainContext& context, const train::LowRankArgs& args);
void low_rank_backward(TrainContext& context, const train::LowRankArgs& args);
void rope(TrainContext& context, const train::RopeArgs& args);
void rope_backward(TrainContext& context, const train::RopeArgs& args);
void attention(TrainContext& context, const train::AttentionArgs& args);
void attention_backward(TrainContext& context, const train::AttentionArgs& args);
void swiglu(TrainContext& context, const train::SwigluArgs& args);
void swiglu_backward(TrainContext& context, const train::SwigluArgs& args);
void log_prob(TrainContext& context, const train::LogProbArgs& args);
void log_prob_backward(TrainContext& context, const train::LogProbArgs& args);
void adam(TrainContext& context, const train::AdamArgs& args);
double sum_squares(TrainContext& context, const float* x, int64_t count);

}  // namespace genarm::cpu::GENARM_ISA
