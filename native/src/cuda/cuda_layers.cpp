// The operations of a layer: backend.h's arguments as the kernels take them. The same stage of several weight sets is
// one launch, and each set with adapters has one more before it (updates.cpp).
#include "cuda/cuda_backend.h"
#include "error.h"

namespace genarm::cuda {
namespace {

constexpr int kUnit = 8;  // numbers of bf16 in 16 bytes
constexpr int kFewRows = 32;

int64_t padded(int64_t columns) { return (columns + kUnit - 1) / kUnit * kUnit; }

LowRankInput normed(const float* hidden, const float* norm, float eps, int64_t columns) {
  return {nullptr, nullptr, 0, hidden, columns, norm, eps, int32_t(columns)};
}

KvPages layer_of(const KvCache& cache, int32_t layer) {
  const int64_t page = int64_t(cache.num_kv_heads) * 2 * cache.page_size * kv_stride(cache.head_dim);
  return {reinterpret_cast<bf16*>(cache.data) + layer * cache.num_pages * page, cache.page_size, cache.num_kv_heads,
          cache.head_dim};
}

Places places_of(const RowPlan& rows) { return {rows.position, rows.page_table, rows.pages}; }

QkvProblem qkv_problem(const QkvArgs& a) {
  QkvProblem p = {};
  p.q = a.q;
  p.q_stride = int64_t(a.num_heads) * a.head_dim;
  p.cache = layer_of(a.cache, a.layer);
  p.hidden = a.hidden;
  p.hidden_stride = a.q_proj->columns;
  p.norm = a.norm;
  p.q_weight = weight_of(a.q_proj);
  p.k_weight = weight_of(a.k_proj);
  p.v_weight = weight_of(a.v_proj);
  p.q_bias = a.q_bias;
  p.k_bias = a.k_bias;
  p.v_bias = a.v_bias;
  p.q_norm = a.q_norm;
  p.k_norm = a.k_norm;
  p.rope_cos = a.rope_cos;
  p.rope_sin = a.rope_sin;
  p.places = places_of(a.rows);
  p.eps = a.eps;
  p.columns = int32_t(a.q_proj->columns);
  p.num_heads = a.num_heads;
  p.num_rows = a.rows.num_rows;
  return p;
}

}  // namespace

void CudaBackend::embed(Span<EmbedArgs> problems) {
  std::vector<EmbedProblem> launch;
  for (const EmbedArgs& a : problems) {
    const int64_t size = a.table->columns;
    if (size % kUnit != 0)
      fail(GA_UNSUPPORTED, "hidden_size must be a multiple of %d on CUDA, got %lld", kUnit, static_cast<long long>(size));
    launch.push_back({a.hidden, size, a.ids, weight_of(a.table), int32_t(size), a.num_rows, a.drawn});
  }
  cuda::embed(launch.data(), int(launch.size()), Order::overlaps_previous, stream_);
}

void CudaBackend::qkv(Span<QkvArgs> problems) {
  std::vector<QkvProblem> launch;
  updates_.begin();
  inputs_taken_ = 0;
  for (const QkvArgs& a : problems) {
    QkvProblem p = qkv_problem(a);
    p.q_update = updates_.of_layer(a.q_low_rank, a.rows.num_rows);
    p.k_update = updates_.of_layer(a.k_low_rank, a.rows.num_rows);
    p.v_update = updates_.of_layer(a.v_low_rank, a.rows.num_rows);
    p.input = input_room(p.q_weight, p.columns, p.num_rows);
    updates_.shrink(normed(a.hidden, a.norm, a.eps, a.q_proj->columns), stream_);
    launch.push_back(p);
  }
  cuda::qkv(launch.data(), int(launch.size()), Order::overlaps_previous, stream_);
}

// One launch for as many problems as the scratch of the merge holds. Of one that it cannot hold alone few rows take
// turns, so that long texts are still shared out; many keep the device busy without it.
void CudaBackend::attention(Span<AttentionArgs> problems) {
  std::vector<AttentionProblem<bf16>> launch;
  int64_t partials = 0, tickets = 0;
  const auto go = [&] {
    if (launch.empty()) return;
    cuda::attention(launch.data(), int(launch.size()), max_blocks_, Order::overlaps_previous, stream_);
    launch.clear();
    partials = tickets = 0;
  };
  for (const AttentionArgs& a : problems) {
    const int64_t width = int64_t(a.num_heads) * a.cache.head_dim;
    const int64_t size = attention_partials(a.rows.num_rows, a.num_heads, a.cache.head_dim, max_blocks_);
    const bool fits = size_t(size) * sizeof(float) <= partials_.bytes();
    if (!fits || size_t(partials + size) * sizeof(float) > partials_.bytes()) go();
    AttentionProblem<bf16> p = {};
    p.out = reinterpret_cast<bf16*>(a.out);
    p.out_stride = padded(width);
    p.q = a.q;
    p.q_stride = width;
    p.cache = layer_of(a.cache, a.layer);
    p.places = places_of(a.rows);
    p.partial = fits ? partials_.as<float>() + partials : nullptr;
    p.ticket = tickets_.as<unsigned>() + tickets;
    p.window = a.window;
    p.num_heads = a.num_heads;
    p.num_rows = a.rows.num_rows;
    p.num_lanes = a.rows.num_lanes;
    p.lane_first = a.rows.lane_first;
    if (!fits && (p.num_rows == p.num_lanes || p.num_rows <= kFewRows)) {
      attend(p);
      continue;
    }
    launch.push_back(p);
    if (!fits) {
      go();
      continue;
    }
    partials += size;
    tickets += int64_t(p.num_rows) * p.num_heads;
  }
  go();
}

void CudaBackend::project(Span<ProjectArgs> problems) {
  std::vector<ProjectProblem> launch;
  updates_.begin();
  inputs_taken_ = 0;
  for (const ProjectArgs& a : problems) {
    const int64_t rows = a.weight->rows, columns = a.weight->columns, stride = padded(columns);
    if (columns < 4) fail(GA_UNSUPPORTED, "a projection has at least 4 columns on CUDA, got %lld", static_cast<long long>(columns));
    const auto* x = reinterpret_cast<const bf16*>(a.x);
    const RowUpdate* update = updates_.of_layer(a.low_rank, a.num_rows);
    updates_.shrink({x, nullptr, stride, nullptr, 0, nullptr, 0, int32_t(columns)}, stream_);
    const Weight weight = weight_of(a.weight);
    bf16* input = weight.order ? input_room(weight, columns, a.num_rows) : nullptr;
    launch.push_back({a.hidden, rows, x, stride, weight, a.bias, update, int32_t(rows), int32_t(columns), a.num_rows, 0,
                      input});
  }
  cuda::project(launch.data(), int(launch.size()), Order::overlaps_previous, stream_);
}

void CudaBackend::gate_up(Span<GateUpArgs> problems) {
  std::vector<GateUpProblem> launch;
  updates_.begin();
  inputs_taken_ = 0;
  for (const GateUpArgs& a : problems) {
    const int64_t rows = a.gate->rows, columns = a.gate->columns;
    const RowUpdate *gate_update = updates_.of_layer(a.gate_low_rank, a.num_rows),
                    *up_update = updates_.of_layer(a.up_low_rank, a.num_rows);
    updates_.shrink(normed(a.hidden, a.norm, a.eps, columns), stream_);
    const Weight gate = weight_of(a.gate);
    launch.push_back({reinterpret_cast<bf16*>(a.out), padded(rows), a.hidden, columns, a.norm, gate, weight_of(a.up),
                      a.gate_bias, a.up_bias, gate_update, up_update, a.eps, int32_t(rows), int32_t(columns), a.num_rows,
                      input_room(gate, columns, a.num_rows)});
  }
  cuda::gate_up(launch.data(), int(launch.size()), Order::overlaps_previous, stream_);
}

}  // namespace genarm::cuda
