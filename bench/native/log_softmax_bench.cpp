#include "bench.h"

using namespace genarm_bench;

int main(int argc, char** argv) {
  Bench bench(argc, argv);
  for (int rows : {1, 8}) {
    const auto z = bench.floats(int64_t(rows) * kVocab);
    bench.measure("128256 logits", rows, rows * kVocab * 8.0, 0, [&] { bench.backend->log_softmax({z->as<float>(), rows, kVocab}); });
  }
}
