// How fast this machine reads memory, measured in the process whose kernels are compared with it.
#pragma once

#include <time.h>

#include <algorithm>
#include <cstdint>
#include <cstring>

#include "cpu/memory.h"
#include "cpu/thread_pool.h"

namespace genarm_bench {

inline double clock_us(clockid_t clock) {
  timespec t;
  clock_gettime(clock, &t);
  return double(t.tv_sec) * 1e6 + double(t.tv_nsec) / 1e3;
}

// The best of repeated runs, in microseconds: at least five, and for half a second. Other programs only make a run
// slower; on one thread its CPU time leaves out when they had the core.
template <class F>
double best_us(int threads, F&& run) {
  const clockid_t clock = threads == 1 ? CLOCK_THREAD_CPUTIME_ID : CLOCK_MONOTONIC;
  double best = 1e30;
  const double end = clock_us(CLOCK_MONOTONIC) + 5e5;
  for (int i = 0; i < 5 || clock_us(CLOCK_MONOTONIC) < end; ++i) {
    const double begin = clock_us(clock);
    run();
    best = std::min(best, clock_us(clock) - begin);
  }
  return best;
}

typedef uint64_t Line __attribute__((vector_size(64), aligned(64), may_alias));

#if defined(__x86_64__)
__attribute__((target_clones("avx512f", "avx2", "default")))
#endif
inline uint64_t read_lines(const Line* p, int64_t lines) {
  Line sum[4] = {};
  for (int64_t i = 0; i + 4 <= lines; i += 4) {
    sum[0] ^= p[i];
    sum[1] ^= p[i + 1];
    sum[2] ^= p[i + 2];
    sum[3] ^= p[i + 3];
  }
  const Line all = sum[0] ^ sum[1] ^ sum[2] ^ sum[3];
  return all[0] ^ all[1] ^ all[2] ^ all[3] ^ all[4] ^ all[5] ^ all[6] ^ all[7];
}

// GB/s of all threads reading `bytes`, again and again: the memory's where they exceed the last cache, else a cache's.
inline double read_bandwidth(int threads, int64_t bytes) {
  genarm::cpu::ThreadPool pool(threads);
  genarm::cpu::Memory memory{size_t(bytes)};
  std::memset(memory.data(), 1, size_t(bytes));
  constexpr int64_t kChunk = 128 << 10;
  struct Job {
    const uint8_t* data;
    int64_t bytes, chunk;
    volatile uint64_t sink;
  } job{static_cast<const uint8_t*>(memory.data()), bytes, std::min<int64_t>(kChunk, bytes), 0};
  const int64_t chunks = (bytes + job.chunk - 1) / job.chunk;
  const double us = best_us(threads, [&] {
    pool.run(chunks, [](void* context, int64_t index, int) {
      Job& j = *static_cast<Job*>(context);
      const int64_t begin = index * j.chunk, end = std::min(j.bytes, begin + j.chunk);
      if (read_lines(reinterpret_cast<const Line*>(j.data + begin), (end - begin) / 64) == 42) j.sink = 1;
    }, &job);
  });
  return double(bytes) / us / 1e3;
}

}  // namespace genarm_bench
