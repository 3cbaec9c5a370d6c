#include "bench.h"

using namespace genarm_bench;

int main(int argc, char** argv) {
  Bench bench(argc, argv);
  const auto norm = bench.floats(kHidden);
  for (int rows : {1, 8, 128}) {
    // Each x combines a base's row and a reward model's.
    std::vector<int32_t> first = {0}, row;
    for (int i = 0; i < rows; ++i) {
      row.insert(row.end(), {2 * i, 2 * i + 1});
      first.push_back(int32_t(row.size()));
    }
    const auto x = bench.floats(rows * kHidden), hidden = bench.floats(2 * rows * kHidden), scale = bench.floats(2 * rows);
    const auto d_first = bench.values(first), d_row = bench.values(row);
    const FinalNormArgs args{x->as<float>(), hidden->as<float>(), norm->as<float>(), d_first->as<int32_t>(), d_row->as<int32_t>(),
                             scale->as<float>(), 1e-5f, rows, kHidden};
    bench.measure("2 rows of 2048 into 1", rows, rows * kHidden * 12.0, 0, [&] { bench.backend->final_norm({&args, 1}); });
  }
}
