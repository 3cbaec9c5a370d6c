// attention: bytes are the keys and values that the lanes hold, each once.
#include "bench.h"

using namespace genarm_bench;

static void shape(Bench& bench, const char* name, int lanes, int rows, int context) {
  const Lanes plan(bench, lanes, rows, context);
  const int64_t width = int64_t(lanes) * rows * kHeads * kHeadDim;
  const auto out = bench.floats(width), q = bench.floats(width);
  const AttentionArgs args{out->as<float>(), q->as<float>(), plan.cache, 0, 0, kHeads, plan.rows};
  const double seen = double(context) - double(rows - 1) / 2;
  bench.measure(name, lanes * rows, double(lanes) * context * kKvHeads * kHeadDim * 8, 4.0 * double(width) * seen,
                [&] { bench.backend->attention({&args, 1}); });
}

int main(int argc, char** argv) {
  Bench bench(argc, argv);
  shape(bench, "1 lane, context 128", 1, 1, 128);
  shape(bench, "1 lane, context 2048", 1, 1, 2048);
  shape(bench, "1 lane, context 16384", 1, 1, 16384);
  shape(bench, "8 lanes, context 2048", 8, 1, 2048);
  shape(bench, "prompt of 512", 1, 512, 512);
  shape(bench, "last 256 of 2048", 1, 256, 2048);
}
