// SwiGLU: out = silu(gate) up. With s = sigmoid(gate): dgate = dout up s (1 + gate (1 - s)), dup = dout gate s.
// Bound by bandwidth.
#include "../../cpu/simd_math.h"
#include "operations.h"

namespace genarm::cpu::GENARM_ISA {

void swiglu(TrainContext& context, const train::SwigluArgs& a) {
  parallel_ranges(context, a.count, kRangeElements, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; i += 16) {
      const int n = int(smaller(16, end - i));
      store_partial(a.out + i, silu(load_partial(a.gate + i, n)) * load_partial(a.up + i, n), n);
    }
  });
}

void swiglu_backward(TrainContext& context, const train::SwigluArgs& a) {
  const f32x16 one = broadcast(1.0f);
  parallel_ranges(context, a.count, kRangeElements, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; i += 16) {
      const int n = int(smaller(16, end - i));
      const f32x16 gate = load_partial(a.gate + i, n), up = load_partial(a.up + i, n);
      const f32x16 d = load_partial(a.out_gradient + i, n);
      const f32x16 s = one / (one + exp(zero() - gate));
      store_partial(a.gate + i, d * up * s * fma(gate, one - s, one), n);
      store_partial(a.up + i, d * gate * s, n);
    }
  });
}

}  // namespace genarm::cpu::GENARM_ISA
