// embed: a row touches one cache line for two columns of its panel; bytes are those lines and the row written.
#include "bench.h"

using namespace genarm_bench;

int main(int argc, char** argv) {
  Bench bench(argc, argv);
  const auto table = bench.matrix(kVocab, kHidden);
  for (int rows : {1, 8, 256}) {
    const auto hidden = bench.floats(rows * kHidden);
    std::vector<int32_t> ids;
    for (int i = 0; i < rows; ++i) ids.push_back(int32_t(int64_t(i) * 7919 % kVocab));
    const auto device_ids = bench.values(ids);
    const EmbedArgs args{hidden->as<float>(), device_ids->as<int32_t>(), table.get(), rows};
    bench.measure("128256 x 2048 bf16", rows, rows * kHidden * 36.0, 0, [&] { bench.backend->embed({&args, 1}); });
  }
}
