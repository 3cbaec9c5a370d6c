// The table of one instruction set's operations.
#include "kernels.h"

#include "operations.h"

namespace genarm::cpu::GENARM_ISA {
namespace {

size_t at_least(size_t a, size_t b) { return a > b ? a : b; }

void scratch(const Backend::Limits& limits, int num_threads, size_t* thread_bytes, size_t* shared_bytes) {
  *thread_bytes = dense_thread_bytes(limits.max_columns) + qkv_thread_bytes(limits);
  *thread_bytes = at_least(*thread_bytes, attention_thread_bytes(limits.head_dim));
  *thread_bytes = at_least(*thread_bytes, lm_head_thread_bytes(limits));
  *thread_bytes = at_least(*thread_bytes, sample_thread_bytes(limits));
  *shared_bytes = dense_shared_bytes(limits.max_rows, limits.max_columns);
  *shared_bytes += low_rank_shared_bytes(limits);
  *shared_bytes = at_least(*shared_bytes, attention_shared_bytes(limits));
  *shared_bytes = at_least(*shared_bytes, lm_head_shared_bytes(limits, num_threads) + low_rank_shared_bytes(limits));
}

constexpr Kernels kKernels = {embed,      qkv,     attention, project,     gate_up,
                              final_norm, lm_head, sample,    log_softmax, scratch};

}  // namespace

const Kernels& kernels() { return kKernels; }

}  // namespace genarm::cpu::GENARM_ISA
