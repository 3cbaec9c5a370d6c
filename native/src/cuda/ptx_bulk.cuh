// sm_90: mbarriers and bulk copies to shared memory, by the copy engine of the SM. On older devices they trap: a
// launcher chooses copy_async there.
//
// A stage of a ring: one thread arrives with the bytes to expect and begins the copies; the readers wait for the
// parity of the stage's round (0, 1, 0, ...), and say that the stage is free by arriving at a second barrier.
#pragma once

#include "cuda/ptx.cuh"

namespace genarm::cuda {

#if defined(__CUDACC__) && (!defined(__CUDA_ARCH__) || __CUDA_ARCH__ >= 900)
#define PTX_BULK(...) asm volatile(__VA_ARGS__)
#else
#define PTX_BULK(...) __trap()
#endif

#ifndef __CUDACC__
inline void touch_mbarrier(uint64_t* barrier) { __atomic_load_n(barrier, __ATOMIC_RELAXED); }
#endif

// By one thread; a barrier of the block follows before any other touches it.
__device__ __forceinline__ void mbarrier_init(uint64_t* barrier, int arrivals SITE) {
#ifdef __CUDACC__
  const unsigned at = unsigned(__cvta_generic_to_shared(barrier));
  PTX_BULK("mbarrier.init.shared.b64 [%0], %1;\n fence.proxy.async.shared::cta;" ::"r"(at), "r"(arrivals) : "memory");
#else
  *barrier = 0;
  simt::mbarrier_init(barrier, arrivals, SIMT_AT);
#endif
}

__device__ __forceinline__ void mbarrier_arrive(uint64_t* barrier SITE) {
#ifdef __CUDACC__
  const unsigned at = unsigned(__cvta_generic_to_shared(barrier));
  PTX_BULK("mbarrier.arrive.shared.b64 _, [%0];" ::"r"(at) : "memory");
#else
  touch_mbarrier(barrier);
  simt::mbarrier_arrive(barrier, 0, SIMT_AT);
#endif
}

// Arrives, and makes the round wait for that many bytes of bulk copies.
__device__ __forceinline__ void mbarrier_arrive_expect(uint64_t* barrier, int bytes SITE) {
#ifdef __CUDACC__
  const unsigned at = unsigned(__cvta_generic_to_shared(barrier));
  PTX_BULK("mbarrier.arrive.expect_tx.shared.b64 _, [%0], %1;" ::"r"(at), "r"(bytes) : "memory");
#else
  touch_mbarrier(barrier);
  simt::mbarrier_arrive(barrier, bytes, SIMT_AT);
#endif
}

// Returns when the round of that parity has ended; of parity 1 at once before the first has.
__device__ __forceinline__ void mbarrier_wait(uint64_t* barrier, int parity SITE) {
#ifdef __CUDACC__
  const unsigned at = unsigned(__cvta_generic_to_shared(barrier));
  PTX_BULK(
      "{\n .reg .pred done;\n again:\n mbarrier.try_wait.parity.shared.b64 done, [%0], %1;\n @!done bra again;\n}" ::"r"(at),
      "r"(parity)
      : "memory");
#else
  touch_mbarrier(barrier);
  simt::mbarrier_wait(barrier, parity, SIMT_AT);
#endif
}

// Begins to copy bytes (a multiple of 16, both ends 16-byte aligned) to shared memory; they count at the barrier.
__device__ __forceinline__ void copy_bulk(void* shared, const void* global, int bytes, uint64_t* barrier SITE) {
#ifdef __CUDACC__
  const unsigned to = unsigned(__cvta_generic_to_shared(shared)), at = unsigned(__cvta_generic_to_shared(barrier));
  PTX_BULK("cp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes [%0], [%1], %2, [%3];" ::"r"(to),
           "l"(global), "r"(bytes), "r"(at)
           : "memory");
#else
  touch_mbarrier(barrier);
  if (simt::is_shared(shared, size_t(bytes))) memset(shared, simt::poison_byte(), size_t(bytes));
  simt::bulk_copy(shared, global, bytes, barrier, SIMT_AT);
#endif
}

#undef PTX_BULK

}  // namespace genarm::cuda
