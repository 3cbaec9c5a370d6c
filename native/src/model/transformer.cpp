#include "model/transformer.h"

#include <algorithm>
#include <cmath>

namespace genarm {
namespace {

// cos and sin of position * inv_freq, [max_model_len, head_dim / 2]: the product rounded to f32 as transformers does.
void fill_rope(Backend& backend, const WeightSet& weights, int32_t positions, Buffer& rope_cos, Buffer& rope_sin) {
  const std::vector<float>& inv_freq = weights.inv_freq();
  const double factor = weights.config().rope_attention_factor;
  std::vector<float> cosines(size_t(positions) * inv_freq.size()), sines(cosines.size());
  for (int32_t p = 0; p < positions; ++p) {
    for (size_t i = 0; i < inv_freq.size(); ++i) {
      const float angle = float(p) * inv_freq[i];
      cosines[size_t(p) * inv_freq.size() + i] = float(std::cos(double(angle)) * factor);
      sines[size_t(p) * inv_freq.size() + i] = float(std::sin(double(angle)) * factor);
    }
  }
  backend.upload(rope_cos.data, cosines.data(), rope_cos.bytes);
  backend.upload(rope_sin.data, sines.data(), rope_sin.bytes);
  backend.synchronize();
}

const float* values(const std::unique_ptr<Buffer>& buffer) { return buffer ? buffer->as<float>() : nullptr; }

EmbedArgs embed_args(const SetRunner& set) {
  return {set.hidden->as<float>(), set.ids, set.weights.embedding(), set.rows.num_rows, set.drawn};
}

QkvArgs qkv_args(SetRunner& set, int32_t l) {
  const ga_model_config& c = set.weights.config();
  const Layer& layer = set.weights.layers()[size_t(l)];
  QkvArgs a{};
  a.q = set.q->as<float>();
  a.cache = set.cache;
  a.layer = l;
  a.hidden = set.hidden->as<float>();
  a.norm = values(layer.input_norm);
  a.q_proj = layer.q_proj.get();
  a.k_proj = layer.k_proj.get();
  a.v_proj = layer.v_proj.get();
  a.q_bias = values(layer.q_bias);
  a.k_bias = values(layer.k_bias);
  a.v_bias = values(layer.v_bias);
  a.q_norm = values(layer.q_norm);
  a.k_norm = values(layer.k_norm);
  a.rope_cos = values(set.rope_cos);
  a.rope_sin = values(set.rope_sin);
  a.eps = c.rms_norm_eps;
  a.num_heads = c.num_heads;
  a.num_kv_heads = c.num_kv_heads;
  a.head_dim = c.head_dim;
  a.rows = set.rows;
  a.q_low_rank = set.low_ranks(0, l, Module::q_proj);
  a.k_low_rank = set.low_ranks(1, l, Module::k_proj);
  a.v_low_rank = set.low_ranks(2, l, Module::v_proj);
  return a;
}

AttentionArgs attention_args(SetRunner& set, int32_t l) {
  AttentionArgs a{};
  a.out = set.attention->as<float>();
  a.q = set.q->as<float>();
  a.cache = set.cache;
  a.layer = l;
  a.window = set.weights.layers()[size_t(l)].window;
  a.num_heads = set.weights.config().num_heads;
  a.rows = set.rows;
  return a;
}

ProjectArgs o_args(SetRunner& set, int32_t l) {
  const Layer& layer = set.weights.layers()[size_t(l)];
  return {set.hidden->as<float>(), set.attention->as<float>(), layer.o_proj.get(), values(layer.o_bias),
          set.rows.num_rows,       set.low_ranks(0, l, Module::o_proj)};
}

ProjectArgs down_args(SetRunner& set, int32_t l) {
  const Layer& layer = set.weights.layers()[size_t(l)];
  return {set.hidden->as<float>(), set.inner->as<float>(), layer.down_proj.get(), values(layer.down_bias),
          set.rows.num_rows,       set.low_ranks(0, l, Module::down_proj)};
}

GateUpArgs gate_up_args(SetRunner& set, int32_t l) {
  const Layer& layer = set.weights.layers()[size_t(l)];
  GateUpArgs a{};
  a.out = set.inner->as<float>();
  a.hidden = set.hidden->as<float>();
  a.norm = values(layer.post_attention_norm);
  a.gate = layer.gate_proj.get();
  a.up = layer.up_proj.get();
  a.gate_bias = values(layer.gate_bias);
  a.up_bias = values(layer.up_bias);
  a.eps = set.weights.config().rms_norm_eps;
  a.num_rows = set.rows.num_rows;
  a.gate_low_rank = set.low_ranks(0, l, Module::gate_proj);
  a.up_low_rank = set.low_ranks(1, l, Module::up_proj);
  return a;
}

// Calls one operation with a problem for each set that has layer l.
template <class Args>
void stage(Backend& backend, void (Backend::*operation)(Span<Args>), Args (*args)(SetRunner&, int32_t),
           Span<SetRunner*> active, int32_t l) {
  Args problems[kMaxSets];
  int32_t count = 0;
  for (SetRunner* set : active) {
    if (l < set->weights.config().num_layers) problems[count++] = args(*set, l);
  }
  (backend.*operation)({problems, count});
}

}  // namespace

SetRunner::SetRunner(Backend& backend, const WeightSet& w, const ga_engine_config& limits, int32_t num_pages)
    : weights(w) {
  const ga_model_config& c = w.config();
  const auto floats = [&](int64_t count) {
    auto buffer = backend.allocate(size_t(count) * sizeof(float));
    bytes += int64_t(buffer->bytes);
    return buffer;
  };
  const int64_t rows_max = limits.max_rows, head_width = int64_t(c.num_heads) * c.head_dim;
  hidden = floats(rows_max * c.hidden_size);
  q = floats(rows_max * head_width);
  attention = floats(rows_max * head_width);
  inner = floats(rows_max * c.intermediate_size);

  kv = backend.allocate(size_t(c.num_layers) * size_t(num_pages) *
                        size_t(backend.kv_page_bytes(limits.page_size, c.num_kv_heads, c.head_dim)));
  bytes += int64_t(kv->bytes);
  cache = {kv->as<float>(), num_pages, limits.page_size, c.num_kv_heads, c.head_dim};

  rope_cos = floats(int64_t(limits.max_model_len) * (c.head_dim / 2));
  rope_sin = floats(int64_t(limits.max_model_len) * (c.head_dim / 2));
  fill_rope(backend, w, limits.max_model_len, *rope_cos, *rope_sin);
}

Span<LowRank> SetRunner::low_ranks(int32_t slot, int32_t layer, Module module) {
  int32_t count = 0;
  for (int32_t i = 0; i < num_adapters; ++i) {
    if (low_rank_of(adapters[i], layer, module, &low_ranks_[slot][count])) ++count;
  }
  return {low_ranks_[slot], count};
}

bool low_rank_of(const AdapterRows& rows, int32_t layer, Module module, LowRank* out) {
  if (!rows.adapter->low_rank(layer, module, out)) return false;
  out->first_row = rows.first_row;
  out->num_rows = rows.num_rows;
  out->preference = rows.preference;
  out->preference_stride = rows.preference_stride;
  return true;
}

void run_layers(Backend& backend, Span<SetRunner*> active) {
  EmbedArgs embeds[kMaxSets];
  int32_t num_layers = 0;
  for (int32_t i = 0; i < active.size; ++i) {
    embeds[i] = embed_args(*active[i]);
    num_layers = std::max(num_layers, active[i]->weights.config().num_layers);
  }

  backend.embed({embeds, active.size});
  for (int32_t l = 0; l < num_layers; ++l) {
    stage(backend, &Backend::qkv, qkv_args, active, l);
    stage(backend, &Backend::attention, attention_args, active, l);
    stage(backend, &Backend::project, o_args, active, l);
    stage(backend, &Backend::gate_up, gate_up_args, active, l);
    stage(backend, &Backend::project, down_args, active, l);
  }
}

}  // namespace genarm
