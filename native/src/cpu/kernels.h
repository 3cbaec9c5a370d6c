// What an instruction set's kernels are given and what they answer. Plain data and functions: these declarations are
// shared by files compiled for different instruction sets (simd.h says why that matters).
#pragma once

#include "../backend.h"
#include "packing.h"
#include "thread_pool.h"

namespace genarm::cpu {

constexpr int kMaxProblems = 16;  // problems that one call of a kernel takes

// Memory of one thread within operations. `prepared` is what lies in it: a thread that computes several tasks of one
// problem prepares that problem's inputs once.
struct alignas(64) ThreadScratch {
  uint8_t* data;
  uint64_t prepared;
};

struct Context {
  ThreadPool* pool;
  int num_threads;
  Dtype activations;
  uint64_t serial;  // of the operation, from 1
  ThreadScratch* threads;
  uint8_t* shared;
  size_t thread_bytes, shared_bytes;
  void* owner;
};

// Make the scratch memory at least this large; nothing happens within reserve()'s limits. Not in a parallel region.
uint8_t* ensure_shared(Context& context, size_t bytes);
void ensure_threads(Context& context, size_t bytes);

// Problems are passed as pointer and number.
struct Kernels {
  void (*embed)(Context&, const EmbedArgs*, int32_t);
  void (*qkv)(Context&, const QkvArgs*, int32_t);
  void (*attention)(Context&, const AttentionArgs*, int32_t);
  void (*project)(Context&, const ProjectArgs*, int32_t);
  void (*gate_up)(Context&, const GateUpArgs*, int32_t);
  void (*final_norm)(Context&, const FinalNormArgs*, int32_t);
  void (*lm_head)(Context&, const LmHeadArgs&);
  void (*sample)(Context&, const SampleArgs&);
  void (*log_softmax)(Context&, const LogSoftmaxArgs&);
  // Scratch that these operations take within the limits.
  void (*scratch)(const Backend::Limits&, int num_threads, size_t* thread_bytes, size_t* shared_bytes);
};

#define GENARM_DECLARE_KERNELS(isa) \
  namespace isa {                   \
  const Kernels& kernels();         \
  }
GENARM_DECLARE_KERNELS(portable)
GENARM_DECLARE_KERNELS(avx2)
GENARM_DECLARE_KERNELS(avx512)
GENARM_DECLARE_KERNELS(avx512_bf16)

}  // namespace genarm::cpu
