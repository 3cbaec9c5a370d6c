// project: a plain matrix product over cold and over cached weights.
#include "bench.h"

using namespace genarm_bench;

static void shape(Bench& bench, const char* name, int64_t outputs, int64_t columns, Dtype dtype) {
  const auto weight = bench.matrix(outputs, columns, dtype);
  for (int rows : {1, 2, 4, 8, 12, 64, 256}) {
    const auto hidden = bench.floats(rows * outputs), x = bench.floats(rows * columns);
    const ProjectArgs args{hidden->as<float>(), x->as<float>(), weight.get(), nullptr, rows, {}};
    bench.measure(name, rows, double(weight->bytes), 2.0 * rows * double(outputs * columns), [&] { bench.backend->project({&args, 1}); });
  }
}

int main(int argc, char** argv) {
  Bench bench(argc, argv);
  shape(bench, "2048 x 8192 bf16", kHidden, kIntermediate, Dtype::bf16);
  shape(bench, "2048 x 2048 bf16", kHidden, kHidden, Dtype::bf16);
  shape(bench, "32768 x 2048 bf16", 4 * kIntermediate, kHidden, Dtype::bf16);
  shape(bench, "32768 x 2048 f16", 4 * kIntermediate, kHidden, Dtype::f16);
  shape(bench, "16384 x 2048 f32", 2 * kIntermediate, kHidden, Dtype::f32);
  shape(bench, "256 x 704 bf16, cached", 256, 704, Dtype::bf16);
}
