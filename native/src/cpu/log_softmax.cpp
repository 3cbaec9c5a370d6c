// log_softmax: z[r] = z[r] - max - log sum exp(z[r] - max), in place. One task a row, three passes over it.
#include "dense.h"
#include "law.h"
#include "operations.h"

namespace genarm::cpu::GENARM_ISA {

void log_softmax(Context& context, const LogSoftmaxArgs& args) {
  parallel(context, args.num_rows, [&](int64_t row, int) {
    float* z = args.z + row * args.vocab_size;
    const float top = largest(z, args.vocab_size);
    if (top == -kInfinity) return;  // nothing to normalise
    normalise(z, args.vocab_size, top);
  });
}

}  // namespace genarm::cpu::GENARM_ISA
