// CUDA's language for the host build of device code: keywords, indices, warp and block functions, atomics and
// intrinsics. __shared__ is missing on purpose: shared memory is declared with SMEM and SMEM_DYN (launch.h).
#pragma once

#include <cmath>
#include <cstring>
#include <type_traits>

#include "simt/simt.h"

#define __global__
#define __device__
#define __host__
#define __constant__ const
#define __grid_constant__
#define __launch_bounds__(...)
#define __align__(n) alignas(n)
#define __forceinline__ inline __attribute__((always_inline))

#define threadIdx (::simt::self->thread_index)
#define blockIdx (::simt::self->block_index)
#define blockDim (::simt::self->block_size)
#define gridDim (::simt::self->grid_size)

// ---------------------------------------------------------------- blocks and memory order

inline void __syncthreads(SIMT_SITE) { simt::barrier(0, 0, true, "__syncthreads", SIMT_AT); }
inline void __threadfence() { simt::fence(); }
inline void __nanosleep(unsigned, SIMT_SITE) { simt::yield(true, SIMT_AT); }

// ---------------------------------------------------------------- warps

namespace simt {

inline void run_nothing(Lane*, uint32_t) {}
inline const Collective sync_warp = {"__syncwarp", run_nothing, false, true};

struct ShuffleIn {
  uint64_t bits;
  int lane, source;
};
inline void run_shuffle(Lane* lanes, uint32_t mask) {
  for (int i = 0; i < 32; ++i) {
    if (!(mask >> i & 1)) continue;
    const int source = static_cast<const ShuffleIn*>(lanes[i].in)->source;
    if (!(mask >> source & 1)) fault("shuffle: lane %d reads lane %d, which is not in the mask %08x", i, source, mask);
    *static_cast<uint64_t*>(lanes[i].out) = static_cast<const ShuffleIn*>(lanes[source].in)->bits;
  }
}
inline const Collective shuffle_index = {"__shfl_sync", run_shuffle, false, false};
inline const Collective shuffle_up = {"__shfl_up_sync", run_shuffle, false, false};
inline const Collective shuffle_down = {"__shfl_down_sync", run_shuffle, false, false};
inline const Collective shuffle_xor = {"__shfl_xor_sync", run_shuffle, false, false};

template <class T>
T shuffle(const Collective& op, uint32_t mask, T value, int source, const char* file, int line) {
  static_assert(std::is_trivially_copyable_v<T> && (sizeof(T) == 4 || sizeof(T) == 8));
  ShuffleIn in{0, self->lane, source};
  memcpy(&in.bits, &value, sizeof value);
  uint64_t out = 0;
  collective(op, mask, &in, &out, SIMT_AT);
  memcpy(&value, &out, sizeof value);
  return value;
}

inline void run_ballot(Lane* lanes, uint32_t mask) {
  uint32_t ballot = 0;
  for (int i = 0; i < 32; ++i)
    if (mask >> i & 1 && *static_cast<const int*>(lanes[i].in)) ballot |= 1u << i;
  for (int i = 0; i < 32; ++i)
    if (mask >> i & 1) *static_cast<uint32_t*>(lanes[i].out) = ballot;
}
inline const Collective vote = {"__ballot_sync", run_ballot, false, false};

}  // namespace simt

inline void __syncwarp(uint32_t mask = 0xffffffffu, SIMT_SITE) {
  simt::collective(simt::sync_warp, mask, nullptr, nullptr, SIMT_AT);
}
template <class T>
T __shfl_sync(uint32_t mask, T value, int source, int width = 32, SIMT_SITE) {
  const int first = simt::self->lane & ~(width - 1);
  return simt::shuffle(simt::shuffle_index, mask, value, first | (source & (width - 1)), SIMT_AT);
}
template <class T>
T __shfl_up_sync(uint32_t mask, T value, unsigned delta, int width = 32, SIMT_SITE) {
  const int lane = simt::self->lane, source = lane - int(delta);
  return simt::shuffle(simt::shuffle_up, mask, value, source < (lane & ~(width - 1)) ? lane : source, SIMT_AT);
}
template <class T>
T __shfl_down_sync(uint32_t mask, T value, unsigned delta, int width = 32, SIMT_SITE) {
  const int lane = simt::self->lane, source = lane + int(delta);
  return simt::shuffle(simt::shuffle_down, mask, value, source > (lane | (width - 1)) ? lane : source, SIMT_AT);
}
template <class T>
T __shfl_xor_sync(uint32_t mask, T value, int lanes, int width = 32, SIMT_SITE) {
  const int lane = simt::self->lane, source = lane ^ lanes;
  return simt::shuffle(simt::shuffle_xor, mask, value, source > (lane | (width - 1)) ? lane : source, SIMT_AT);
}
inline uint32_t __ballot_sync(uint32_t mask, int predicate, SIMT_SITE) {
  uint32_t ballot = 0;
  simt::collective(simt::vote, mask, &predicate, &ballot, SIMT_AT);
  return ballot;
}
inline int __any_sync(uint32_t mask, int predicate, SIMT_SITE) { return __ballot_sync(mask, predicate, SIMT_AT) != 0; }
inline int __all_sync(uint32_t mask, int predicate, SIMT_SITE) { return __ballot_sync(mask, predicate, SIMT_AT) == mask; }

// ---------------------------------------------------------------- atomics (relaxed, as on the device)

namespace simt {

template <class T, class Next>
T atomic_update(T* address, const Next& next, const char* file, int line) {
  static_assert(sizeof(T) == 4 || sizeof(T) == 8);
  using Bits = std::conditional_t<sizeof(T) == 4, uint32_t, uint64_t>;
  maybe_yield(SIMT_AT);
  atomic_begins(address);
  auto* bits = reinterpret_cast<Bits*>(address);
  Bits old = __atomic_load_n(bits, __ATOMIC_RELAXED);
  T before;
  for (;;) {
    memcpy(&before, &old, sizeof old);
    const T after = next(before);
    Bits wanted;
    memcpy(&wanted, &after, sizeof wanted);
    if (__atomic_compare_exchange_n(bits, &old, wanted, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED)) break;
  }
  atomic_ends(address);
  return before;
}

}  // namespace simt

template <class T>
T atomicAdd(T* address, std::common_type_t<T> value, SIMT_SITE) {
  return simt::atomic_update(address, [=](T old) { return T(old + value); }, SIMT_AT);
}
template <class T>
T atomicMax(T* address, std::common_type_t<T> value, SIMT_SITE) {
  return simt::atomic_update(address, [=](T old) { return old < value ? value : old; }, SIMT_AT);
}
template <class T>
T atomicMin(T* address, std::common_type_t<T> value, SIMT_SITE) {
  return simt::atomic_update(address, [=](T old) { return value < old ? value : old; }, SIMT_AT);
}
template <class T>
T atomicOr(T* address, std::common_type_t<T> value, SIMT_SITE) {
  return simt::atomic_update(address, [=](T old) { return T(old | value); }, SIMT_AT);
}
template <class T>
T atomicExch(T* address, std::common_type_t<T> value, SIMT_SITE) {
  return simt::atomic_update(address, [=](T) { return value; }, SIMT_AT);
}
template <class T>
T atomicCAS(T* address, std::common_type_t<T> expected, std::common_type_t<T> value, SIMT_SITE) {
  return simt::atomic_update(address, [=](T old) { return old == expected ? value : old; }, SIMT_AT);
}

// ---------------------------------------------------------------- intrinsics

inline float __uint_as_float(unsigned bits) {
  float value;
  memcpy(&value, &bits, 4);
  return value;
}
inline unsigned __float_as_uint(float value) {
  unsigned bits;
  memcpy(&bits, &value, 4);
  return bits;
}
inline float __int_as_float(int bits) { return __uint_as_float(unsigned(bits)); }
inline int __float_as_int(float value) { return int(__float_as_uint(value)); }
inline int __popc(unsigned x) { return __builtin_popcount(x); }
inline int __popcll(unsigned long long x) { return __builtin_popcountll(x); }
inline int __clz(int x) { return x ? __builtin_clz(unsigned(x)) : 32; }
inline int __ffs(int x) { return __builtin_ffs(x); }
inline unsigned __umulhi(unsigned x, unsigned y) { return unsigned(uint64_t(x) * y >> 32); }
inline float rsqrtf(float x) { return 1 / std::sqrt(x); }
inline float __expf(float x) { return std::exp(x); }
inline float __logf(float x) { return std::log(x); }
inline float __fdividef(float x, float y) { return x / y; }
inline float __fmaf_rn(float x, float y, float z) { return std::fma(x, y, z); }
template <class T>
constexpr T min(T a, std::common_type_t<T> b) {
  return b < a ? b : a;
}
template <class T>
constexpr T max(T a, std::common_type_t<T> b) {
  return a < b ? b : a;
}
