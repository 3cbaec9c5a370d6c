// The device's instructions that C++ has no words for: PTX, and directly below each its meaning on the host.
// PTX stands here, in ptx_mma.cuh and in ptx_bulk.cuh, and nowhere else. tests/simt/twins_test.cu holds a case for
// each; run on a GPU it proves the host's meaning.
#pragma once

#include "cuda/launch.h"
#include "cuda/numbers.h"
#ifndef __CUDACC__
#include "half.h"
#endif

namespace genarm::cuda {

// On the device nothing; on the host the call site for the executor's reports.
#ifdef __CUDACC__
#define SITE
#define SITE_ONLY
#define AT
#else
#define SITE , SIMT_SITE
#define SITE_ONLY SIMT_SITE
#define AT , SIMT_AT
#endif

// ---------------------------------------------------------------- numbers

__device__ __forceinline__ float to_float(bf16 x) { return __uint_as_float(unsigned(x.bits) << 16); }

__device__ __forceinline__ float to_float(f16 x) {
#ifdef __CUDACC__
  float y;
  asm("cvt.f32.f16 %0, %1;" : "=f"(y) : "h"(x.bits));
  return y;
#else
  return f16_to_f32(x.bits);
#endif
}

// from_float<T>: rounds to nearest, ties to even.
template <class T>
__device__ __forceinline__ T from_float(float x);

template <>
__device__ __forceinline__ bf16 from_float<bf16>(float x) {
  bf16 y;
#ifdef __CUDACC__
  asm("cvt.rn.bf16.f32 %0, %1;" : "=h"(y.bits) : "f"(x));
#else
  y.bits = f32_to_bf16(x);
#endif
  return y;
}

template <>
__device__ __forceinline__ f16 from_float<f16>(float x) {
  f16 y;
#ifdef __CUDACC__
  asm("cvt.rn.f16.f32 %0, %1;" : "=h"(y.bits) : "f"(x));
#else
  y.bits = f32_to_f16(x);
#endif
  return y;
}

// Two numbers in 32 bits, the first in the low half.
template <class T>
__device__ __forceinline__ unsigned pack(float low, float high);

template <>
__device__ __forceinline__ unsigned pack<bf16>(float low, float high) {
#ifdef __CUDACC__
  unsigned y;
  asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(y) : "f"(high), "f"(low));
  return y;
#else
  return unsigned(f32_to_bf16(low)) | unsigned(f32_to_bf16(high)) << 16;
#endif
}

template <>
__device__ __forceinline__ unsigned pack<f16>(float low, float high) {
#ifdef __CUDACC__
  unsigned y;
  asm("cvt.rn.f16x2.f32 %0, %1, %2;" : "=r"(y) : "f"(high), "f"(low));
  return y;
#else
  return unsigned(f32_to_f16(low)) | unsigned(f32_to_f16(high)) << 16;
#endif
}

// a + b of two pairs of bf16, each rounded to nearest.
__device__ __forceinline__ unsigned add_pairs(unsigned a, unsigned b) {
#ifdef __CUDACC__
  unsigned y;  // a * 1 + b: sm_80 has no addition of bf16
  asm("fma.rn.bf16x2 %0, %1, %2, %3;" : "=r"(y) : "r"(a), "r"(0x3f803f80u), "r"(b));
  return y;
#else
  const auto number = [](unsigned pair, int i) { return bf16_to_f32(uint16_t(pair >> 16 * i)); };
  return pack<bf16>(number(a, 0) + number(b, 0), number(a, 1) + number(b, 1));
#endif
}

// 2^x within 2 ulp; subnormal results are 0.
__device__ __forceinline__ float exp2_approx(float x) {
#ifdef __CUDACC__
  float y;
  asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
  return y;
#else
  const float y = exp2f(x);
  return y < 0x1p-126f ? 0 : y;
#endif
}

// 1 / sqrt(x) within 2 ulp.
__device__ __forceinline__ float rsqrt_approx(float x) {
#ifdef __CUDACC__
  float y;
  asm("rsqrt.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
  return y;
#else
  return 1 / sqrtf(x);
#endif
}

// ---------------------------------------------------------------- 16-byte loads

#ifndef __CUDACC__
inline uint4 load_aligned(const void* address, const char* name, const char* file, int line) {
  if (reinterpret_cast<uintptr_t>(address) % 16) simt::fault("%s at %s:%d: %p is misaligned", name, file, line, address);
  return *static_cast<const uint4*>(address);
}
#endif

// Bytes that are read once and that no kernel writes (weights): they pass the caches by.
// Not moved across other instructions of this file, so that a load before grid_wait() stays before it.
__device__ __forceinline__ uint4 load_streaming(const void* address SITE) {
#ifdef __CUDACC__
  uint64_t policy;
  uint4 v;
  asm("createpolicy.fractional.L2::evict_first.b64 %0, 1.0;" : "=l"(policy));
  asm volatile("ld.global.nc.L1::no_allocate.L2::cache_hint.v4.u32 {%0, %1, %2, %3}, [%4], %5;"
               : "=r"(v.x), "=r"(v.y), "=r"(v.z), "=r"(v.w)
               : "l"(address), "l"(policy));
  return v;
#else
  return load_aligned(address, "load_streaming", SIMT_AT);
#endif
}

// Bytes that an earlier kernel may have written (activations): through the caches, after grid_wait().
__device__ __forceinline__ uint4 load_shared_by_blocks(const void* address SITE) {
#ifdef __CUDACC__
  uint4 v;
  asm volatile("ld.global.v4.u32 {%0, %1, %2, %3}, [%4];"
               : "=r"(v.x), "=r"(v.y), "=r"(v.z), "=r"(v.w)
               : "l"(address)
               : "memory");
  return v;
#else
  return load_aligned(address, "load_shared_by_blocks", SIMT_AT);
#endif
}

// ---------------------------------------------------------------- between kernels

// The next kernel may begin as soon as every block has come here: the first statement of every kernel.
__device__ __forceinline__ void grid_launch_dependents() {
#ifdef __CUDACC__
#if __CUDA_ARCH__ >= 900
  asm volatile("griddepcontrol.launch_dependents;" ::: "memory");
#endif
#else
  simt::grid_launch_dependents();
#endif
}

// Waits until the kernels before this one have ended and their writes can be seen. Every thread calls it that
// touches anything another kernel wrote, and every block, or the kernels after it lose the order.
__device__ __forceinline__ void grid_wait(SITE_ONLY) {
#ifdef __CUDACC__
#if __CUDA_ARCH__ >= 900
  asm volatile("griddepcontrol.wait;" ::: "memory");
#endif
#else
  simt::grid_wait(SIMT_AT);
#endif
}

// ---------------------------------------------------------------- between blocks

// What this thread has done is seen by whoever acquires the value.
__device__ __forceinline__ void store_release(unsigned* address, unsigned value) {
#ifdef __CUDACC__
  asm volatile("st.release.gpu.global.u32 [%0], %1;" ::"l"(address), "r"(value) : "memory");
#else
  simt::atomic_begins(address);
  __atomic_store_n(address, value, __ATOMIC_RELEASE);
#endif
}

// The same for whoever acquires the value on the host, too.
__device__ __forceinline__ void store_release_system(unsigned* address, unsigned value) {
#ifdef __CUDACC__
  asm volatile("st.release.sys.global.u32 [%0], %1;" ::"l"(address), "r"(value) : "memory");
#else
  store_release(address, value);
#endif
}

// In a loop that waits for a value, this is what lets others run.
__device__ __forceinline__ unsigned load_acquire(const unsigned* address SITE) {
#ifdef __CUDACC__
  unsigned value;
  asm volatile("ld.acquire.gpu.global.u32 %0, [%1];" : "=r"(value) : "l"(address) : "memory");
  return value;
#else
  simt::yield(true, SIMT_AT);
  return __atomic_load_n(address, __ATOMIC_ACQUIRE);
#endif
}

// Adds and returns what was there; releases what came before and acquires what others released.
__device__ __forceinline__ unsigned add_acquire_release(unsigned* address, unsigned value SITE) {
#ifdef __CUDACC__
  unsigned before;
  asm volatile("atom.acq_rel.gpu.global.add.u32 %0, [%1], %2;" : "=r"(before) : "l"(address), "r"(value) : "memory");
  return before;
#else
  simt::maybe_yield(SIMT_AT);
  simt::atomic_begins(address);
  return __atomic_fetch_add(address, value, __ATOMIC_ACQ_REL);
#endif
}

// ---------------------------------------------------------------- between warps of a block

// Waits for `threads` threads (whole warps) at one of the barriers 1 to 15; 0 is __syncthreads.
__device__ __forceinline__ void barrier_sync(int id, int threads SITE) {
#ifdef __CUDACC__
  asm volatile("bar.sync %0, %1;" ::"r"(id), "r"(threads) : "memory");
#else
  simt::barrier(id, threads, true, "barrier_sync", SIMT_AT);
#endif
}

// Counts among the threads of the barrier and goes on.
__device__ __forceinline__ void barrier_arrive(int id, int threads SITE) {
#ifdef __CUDACC__
  asm volatile("bar.arrive %0, %1;" ::"r"(id), "r"(threads) : "memory");
#else
  simt::barrier(id, threads, false, "barrier_arrive", SIMT_AT);
#endif
}

// ---------------------------------------------------------------- copies to shared memory, by threads

#ifndef __CUDACC__
inline void land(const simt::PendingCopy& copy) {
  for (int i = 0; i < copy.bytes; i += 4) memcpy(static_cast<char*>(copy.to) + i, copy.data + i, 4);
}
#endif

// Begins to copy 16 bytes from global memory; only the first `valid` are read, the rest becomes 0.
__device__ __forceinline__ void copy_async(void* shared, const void* global, int valid = 16 SITE) {
#ifdef __CUDACC__
  asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(unsigned(__cvta_generic_to_shared(shared))),
               "l"(global), "r"(valid)
               : "memory");
#else
  simt::PendingCopy copy = {};
  for (int i = 0; i < valid && i < 16; ++i) copy.data[i] = static_cast<const unsigned char*>(global)[i];
  const bool at_once = simt::copy_issue(copy, shared, global, 16, valid, SIMT_AT);
  const unsigned char poison = simt::poison_byte();
  memset(shared, poison, 16);
  if (at_once) land(copy);
#endif
}

// Closes the group of copies begun since the last one.
__device__ __forceinline__ void copy_async_commit() {
#ifdef __CUDACC__
  asm volatile("cp.async.commit_group;" ::: "memory");
#else
  simt::copy_commit();
#endif
}

// Waits for all but the newest kKeep groups of this thread; other threads see them after a barrier.
template <int kKeep>
__device__ __forceinline__ void copy_async_wait() {
#ifdef __CUDACC__
  asm volatile("cp.async.wait_group %0;" ::"n"(kKeep) : "memory");
#else
  simt::PendingCopy copy;
  while (simt::copy_next(copy, kKeep)) land(copy);
#endif
}

}  // namespace genarm::cuda
