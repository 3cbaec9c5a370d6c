#include "bench.h"

using namespace genarm_bench;

static void shape(Bench& bench, const char* name, int64_t outputs, int64_t columns) {
  const auto gate = bench.matrix(outputs, columns), up = bench.matrix(outputs, columns);
  const auto norm = bench.floats(columns);
  for (int rows : {1, 2, 4, 8, 64, 256}) {
    const auto out = bench.floats(rows * outputs), hidden = bench.floats(rows * columns);
    const GateUpArgs args{out->as<float>(), hidden->as<float>(), norm->as<float>(), gate.get(), up.get(), nullptr, nullptr, 1e-5f,
                          rows, {}, {}};
    bench.measure(name, rows, double(gate->bytes + up->bytes), 4.0 * rows * double(outputs * columns),
                  [&] { bench.backend->gate_up({&args, 1}); });
  }
}

int main(int argc, char** argv) {
  Bench bench(argc, argv);
  shape(bench, "2 x 8192 x 2048 bf16", kIntermediate, kHidden);
  shape(bench, "2 x 704 x 256 bf16, cached", 704, 256);
}
