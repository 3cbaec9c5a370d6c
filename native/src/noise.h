// The sampling noise, one definition for every backend: Gumbel(0, 1) from Philox4x32-10 (Salmon et al., SC 2011),
// keyed by the request's seed, counted by (token / 4, position, choice); token % 4 picks the word.
// A request's noise depends on nothing else, so its output does not depend on its batch, on preemption or on
// speculation.
#pragma once

#include <cstdint>

#ifdef __CUDACC__
#define GENARM_EVERYWHERE __host__ __device__
#else
#define GENARM_EVERYWHERE
#endif

namespace genarm {

struct Philox4 {
  uint32_t word[4];
};

GENARM_EVERYWHERE inline Philox4 philox(uint64_t seed, uint32_t c0, uint32_t c1, uint32_t c2, uint32_t c3) {
  uint32_t k0 = uint32_t(seed), k1 = uint32_t(seed >> 32);
  for (int round = 0; round < 10; ++round) {
    const uint64_t p0 = uint64_t(0xD2511F53u) * c0, p1 = uint64_t(0xCD9E8D57u) * c2;
    const uint32_t n0 = uint32_t(p1 >> 32) ^ c1 ^ k0, n2 = uint32_t(p0 >> 32) ^ c3 ^ k1;
    c1 = uint32_t(p1);
    c3 = uint32_t(p0);
    c0 = n0;
    c2 = n2;
    k0 += 0x9E3779B9u;
    k1 += 0xBB67AE85u;
  }
  return {{c0, c1, c2, c3}};
}

// The word of a token: philox(seed, token / 4, position, choice, 0).word[token % 4].
// Its noise is -ln(t), t = -ln(1 - u), u = (word + 0.5) / 2^32: the definition in double is
//   gumbel(word) = -log(word < 2^31 ? -log1p(-u) : -log(((~word) + 0.5) / 2^32))
// which keeps full precision at both ends. Kernels compute it in f32 within 4 ulp or 1e-6.

}  // namespace genarm
