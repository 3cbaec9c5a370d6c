// What rows that share a pass over the weights cost: gate_up over cold weights of Llama-3.2-1B's shape for 1 to 128 rows, beside
// the least that memory and the products allow: 32 bf16 or 64 int8 products a cycle (a dot product of 512 bits each).
//   rows_bench [threads] [activations: f32, bf16, int8] [weights: bf16, int8, int4]
#include <string>

#include "bench.h"

using namespace genarm_bench;

namespace {

constexpr int kLayers = 4, kRounds = 5;  // together far larger than a last cache

// Cycles of a core in a nanosecond: a chain of additions takes one each.
double clock_ghz() {
  constexpr int kSteps = 1 << 20;
  uint64_t sum = 0;
  const double us = best_us(1, [&] {
    for (int i = 0; i < kSteps; ++i) {
      sum += uint64_t(i);
      asm volatile("" : "+r"(sum));
    }
  });
  return kSteps / us / 1e3;
}

struct Layer {
  std::unique_ptr<Matrix> gate, up;
};

}  // namespace

int main(int argc, char** argv) {
  Bench bench(argc, argv);
  const int threads = argc > 1 ? std::atoi(argv[1]) : 1;
  const std::string weights = argc > 3 ? argv[3] : "bf16";
  const Dtype dtype = weights == "bf16" ? Dtype::bf16 : weights == "int8" ? Dtype::int8 : Dtype::int4;
  const double products = threads * clock_ghz() * (dtype == Dtype::bf16 ? 32 : 64);  // a nanosecond
  std::vector<Layer> layers;
  for (int l = 0; l < kLayers; ++l)
    layers.push_back({bench.matrix(kIntermediate, kHidden, dtype), bench.matrix(kIntermediate, kHidden, dtype)});
  const double bytes = kLayers * double(layers[0].gate->bytes + layers[0].up->bytes);
  const double numbers = kLayers * 2.0 * kIntermediate * kHidden;
  const auto norm = bench.floats(kHidden);
  for (int rows : {1, 2, 3, 4, 5, 6, 7, 8, 12, 128}) {
    const auto out = bench.floats(rows * kIntermediate), hidden = bench.floats(rows * kHidden);
    std::vector<double> times;
    for (int round = -1; round < kRounds; ++round) {
      const double begin = clock_us(CLOCK_MONOTONIC);
      for (const Layer& layer : layers) {
        const GateUpArgs args{out->as<float>(), hidden->as<float>(), norm->as<float>(), layer.gate.get(), layer.up.get(),
                              nullptr, nullptr, 1e-5f, rows, {}, {}};
        bench.backend->gate_up({&args, 1});
      }
      if (round >= 0) times.push_back(clock_us(CLOCK_MONOTONIC) - begin);
    }
    std::sort(times.begin(), times.end());
    const double best = bytes / times[0] / 1e3, median = bytes / times[kRounds / 2] / 1e3;
    const double arithmetic = products / rows / numbers * bytes, bound = std::min(bench.bandwidth(), arithmetic);
    std::printf("%s rows %2d  best %5.1f GB/s  median %5.1f  products allow %5.1f  best is %3.0f %% of the bound\n",
                weights.c_str(), rows, best, median, arithmetic, 100 * best / bound);
  }
}
