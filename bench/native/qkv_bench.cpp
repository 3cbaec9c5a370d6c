#include "bench.h"

using namespace genarm_bench;

int main(int argc, char** argv) {
  Bench bench(argc, argv);
  const auto q_proj = bench.matrix(kHeads * kHeadDim, kHidden, Dtype::bf16, kHeadDim);
  const auto k_proj = bench.matrix(kKvHeads * kHeadDim, kHidden, Dtype::bf16, kHeadDim);
  const auto v_proj = bench.matrix(kKvHeads * kHeadDim, kHidden, Dtype::bf16, kHeadDim);
  const auto norm = bench.floats(kHidden), cos = bench.floats(512 * kHeadDim / 2), sin = bench.floats(512 * kHeadDim / 2);
  const double bytes = double(q_proj->bytes + k_proj->bytes + v_proj->bytes);
  for (int rows : {1, 2, 4, 8, 64, 256}) {
    const Lanes lanes(bench, 1, rows, 512);
    const auto q = bench.floats(rows * kHeads * kHeadDim), hidden = bench.floats(rows * kHidden);
    QkvArgs args{};
    args.q = q->as<float>();
    args.cache = lanes.cache;
    args.hidden = hidden->as<float>();
    args.norm = norm->as<float>();
    args.q_proj = q_proj.get();
    args.k_proj = k_proj.get();
    args.v_proj = v_proj.get();
    args.rope_cos = cos->as<float>();
    args.rope_sin = sin->as<float>();
    args.eps = 1e-5f;
    args.num_heads = kHeads;
    args.num_kv_heads = kKvHeads;
    args.head_dim = kHeadDim;
    args.rows = lanes.rows;
    bench.measure("3072 x 2048 bf16", rows, bytes, bytes * rows, [&] { bench.backend->qkv({&args, 1}); });
  }
}
