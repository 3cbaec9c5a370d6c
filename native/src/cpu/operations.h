// The operations of one instruction set, each in its own file, and what they need of the scratch memory.
#pragma once

#include "kernels.h"

namespace genarm::cpu::GENARM_ISA {

void embed(Context& context, const EmbedArgs* problems, int32_t num_problems);
void qkv(Context& context, const QkvArgs* problems, int32_t num_problems);
void attention(Context& context, const AttentionArgs* problems, int32_t num_problems);
void project(Context& context, const ProjectArgs* problems, int32_t num_problems);
void gate_up(Context& context, const GateUpArgs* problems, int32_t num_problems);
void final_norm(Context& context, const FinalNormArgs* problems, int32_t num_problems);
void lm_head(Context& context, const LmHeadArgs& args);
void sample(Context& context, const SampleArgs& args);
void log_softmax(Context& context, const LogSoftmaxArgs& args);

// Upper bounds of a thread's and of the shared memory, within the limits.
size_t dense_thread_bytes(int64_t columns);
size_t dense_shared_bytes(int64_t rows, int64_t columns);
size_t qkv_thread_bytes(const Backend::Limits& limits);
size_t low_rank_shared_bytes(const Backend::Limits& limits);
size_t attention_thread_bytes(int32_t head_dim);
size_t attention_shared_bytes(const Backend::Limits& limits);
size_t lm_head_thread_bytes(const Backend::Limits& limits);
size_t lm_head_shared_bytes(const Backend::Limits& limits, int num_threads);
size_t sample_thread_bytes(const Backend::Limits& limits);

}  // namespace genarm::cpu::GENARM_ISA
