#include "train/network.h"

#include <cmath>

namespace genarm::train {
namespace {

// cos and sin of position * inv_freq, the product rounded to f32 as transformers does.
std::unique_ptr<Buffer> rope_table(Backend& backend, const ga_model_config& c, const float* inv_freq, bool cosine) {
  const size_t half = size_t(c.head_dim / 2);
  std::vector<float> table(size_t(c.max_positions) * half);
  for (size_t i = 0; i < table.size(); ++i) {
    const double angle = float(i / half) * inv_freq[i % half];
    table[i] = float((cosine ? std::cos(angle) : std::sin(angle)) * c.rope_attention_factor);
  }
  auto buffer = backend.allocate(table.size() * sizeof(float));
  backend.upload(buffer->data, table.data(), table.size() * sizeof(float));
  return buffer;
}

float* bias_gradient(const Linear& linear) { return linear.bias ? linear.bias->gradients() : nullptr; }

}  // namespace

Network::Network(Backend& backend, Operations& operations, const ParameterSet& parameters, const ga_model_config& config,
                 const float* inv_freq, bool checkpointing)
    : backend_(backend), operations_(operations), parameters_(parameters), config_(config),
      checkpointing_(checkpointing), hidden_(size_t(config.num_layers) + 1),
      activations_(checkpointing ? 1 : size_t(config.num_layers)) {
  cosines_ = rope_table(backend, config, inv_freq, true);
  sines_ = rope_table(backend, config, inv_freq, false);
  backend.synchronize();
}

// ---- arguments

LinearArgs Network::linear_args(const Linear& linear, float* y, const float* x, const float* residual) const {
  LinearArgs a{};
  a.y = y;
  a.x = x;
  a.weight = linear.weight->values();
  a.bias = linear.bias ? linear.bias->values() : nullptr;
  a.residual = residual;
  a.num_rows = int32_t(num_rows_);
  a.inputs = linear.inputs;
  a.outputs = linear.outputs;
  return a;
}

LowRankArgs Network::low_rank_args(const Linear& linear, Array& h, float* y, const float* x) {
  const Update& update = *linear.update;
  LowRankArgs a{};
  a.y = y;
  a.h = take(h, update.w1 ? 2 * update.rank : update.rank);
  if (update.w1) a.core = core_args(update, a.h + num_rows_ * update.rank);
  a.x = x;
  a.a = update.a->values();
  a.b = update.b->values();
  a.scale = update.scale;
  a.dropout = dropout_;
  a.dropout.module = update.module;
  if (dropout_.rate > 0) a.dropped = take(gradients_.dropped, linear.inputs);
  a.num_rows = int32_t(num_rows_);
  a.inputs = linear.inputs;
  a.outputs = linear.outputs;
  a.rank = update.rank;
  return a;
}

LowRankCore Network::core_args(const Update& update, float* out) {
  const int64_t r2 = update.rank - update.fixed_rank;
  LowRankCore core{};
  core.w1 = update.w1->values();
  core.w2 = update.w2->values();
  core.preference = preference_;
  core.w1_gradient = update.w1->gradients();
  core.w2_gradient = update.w2->gradients();
  core.out = out;
  core.mixed = gradients_.mixed.floats(backend_, r2 * r2);
  core.fixed_rank = update.fixed_rank;
  core.num_objectives = int32_t(update.w2->rows);
  return core;
}

void Network::apply(const Linear& linear, Array& h, float* y, const float* x, const float* residual) {
  const LinearArgs args = linear_args(linear, y, x, residual);
  operations_.linear(args);
  if (linear.update) operations_.low_rank(low_rank_args(linear, h, y, x));
}

void Network::apply_backward(const Linear& linear, Array& h, const float* y_gradient, const float* x, float* x_gradient,
                             bool accumulate) {
  LinearArgs args = linear_args(linear, nullptr, x, nullptr);
  args.y_gradient = y_gradient;
  args.x_gradient = x_gradient;
  args.weight_gradient = linear.weight->gradients();
  args.bias_gradient = bias_gradient(linear);
  args.accumulate = accumulate;
  operations_.linear_backward(args);
  if (!linear.update) return;
  LowRankArgs low = low_rank_args(linear, h, nullptr, x);
  low.h_gradient = take(gradients_.low_rank, 2 * low.rank);
  low.core.out_gradient = low.h_gradient + num_rows_ * low.rank;
  low.y_gradient = y_gradient;
  low.x_gradient = x_gradient;
  low.a_gradient = linear.update->a->gradients();
  low.b_gradient = linear.update->b->gradients();
  operations_.low_rank_backward(low);
}

RmsNormArgs Network::norm_args(const Parameter& weight, float* out, float* scale, const float* x) const {
  RmsNormArgs a{};
  a.out = out;
  a.scale = scale;
  a.x = x;
  a.weight = weight.values();
  a.weight_gradient = weight.gradients();
  a.eps = config_.rms_norm_eps;
  a.num_rows = int32_t(num_rows_);
  a.columns = int32_t(weight.rows);
  return a;
}

RmsNormArgs Network::head_norm_args(const Parameter& weight, float* out, float* scale, const float* x,
                                    int32_t heads) const {
  RmsNormArgs a = norm_args(weight, out, scale, x);
  a.num_rows *= heads;
  return a;
}

RopeArgs Network::rope_args(float* x, int32_t heads) const {
  return {x, cosines_->as<float>(), sines_->as<float>(), position_, int32_t(num_rows_), heads, config_.head_dim};
}

AttentionArgs Network::attention_args(const TrainedLayer& layer, Activations& a) {
  const int64_t q_size = int64_t(config_.num_heads) * config_.head_dim;
  const int64_t kv_size = int64_t(config_.num_kv_heads) * config_.head_dim;
  AttentionArgs args{};
  args.out = take(a.attended, q_size);
  args.log_sum_exp = take(a.log_sum_exp, config_.num_heads);
  args.q = take(a.q, q_size);
  args.k = take(a.k, kv_size);
  args.v = take(a.v, kv_size);
  args.packing = packing_;
  args.num_heads = config_.num_heads;
  args.num_kv_heads = config_.num_kv_heads;
  args.head_dim = config_.head_dim;
  args.window = layer.window;
  return args;
}

// ---- forward

const float* Network::forward(const Batch& batch) {
  num_rows_ = int64_t(batch.ids.size());
  ids_ = id_memory_.upload(backend_, batch.ids);
  position_ = position_memory_.upload(backend_, batch.position);
  preference_ = preference_memory_.upload(backend_, batch.preference);
  packing_ = {segment_memory_.upload(backend_, batch.segments), group_memory_.upload(backend_, batch.group_first),
              batch.num_pairs, int32_t(num_rows_), batch.max_sequence};

  EmbedArgs embed{};
  embed.hidden = take(hidden_[0], config_.hidden_size);
  embed.table = parameters_.embedding().values();
  embed.ids = ids_;
  embed.num_rows = int32_t(num_rows_);
  embed.columns = config_.hidden_size;
  operations_.embed(embed);
  for (int32_t l = 0; l < config_.num_layers; ++l) layer_forward(l, true);
  return take(hidden_.back(), config_.hidden_size);
}

// whole: whether the layer's output is wanted, or only what its backward reads.
void Network::layer_forward(int32_t l, bool whole) {
  const TrainedLayer& layer = parameters_.layers()[size_t(l)];
  Activations& a = activations(l);
  const int64_t size = config_.hidden_size, inner_size = config_.intermediate_size;
  attention_forward(layer, a, take(hidden_[size_t(l)], size));

  float *middle = take(a.middle, size), *normed = take(a.post_normed, size);
  float *gate = take(a.gate, inner_size), *up = take(a.up, inner_size), *inner = take(a.inner, inner_size);
  operations_.rms_norm(norm_args(*layer.post_attention_norm, normed, take(a.post_scale, 1), middle));
  apply(layer.gate, a.low_rank[kGate], gate, normed, nullptr);
  apply(layer.up, a.low_rank[kUp], up, normed, nullptr);
  operations_.swiglu({inner, gate, up, nullptr, num_rows_ * inner_size});
  if (whole) apply(layer.down, a.low_rank[kDown], take(hidden_[size_t(l) + 1], size), inner, middle);
  if (!whole && layer.down.update) {  // its h alone; the sum goes where the next gradient will
    apply(layer.down, a.low_rank[kDown], take(gradients_.normed, size), inner, middle);
  }
}

void Network::attention_forward(const TrainedLayer& layer, Activations& a, const float* hidden) {
  const int64_t size = config_.hidden_size;
  const AttentionArgs attention = attention_args(layer, a);
  float *q = take(a.q, layer.q.outputs), *k = take(a.k, layer.k.outputs), *v = take(a.v, layer.v.outputs);
  float *q_raw = layer.q_norm ? take(a.q_raw, layer.q.outputs) : q, *k_raw = layer.k_norm ? take(a.k_raw, layer.k.outputs) : k;
  float* normed = take(a.normed, size);

  operations_.rms_norm(norm_args(*layer.input_norm, normed, take(a.scale, 1), hidden));
  apply(layer.q, a.low_rank[kQ], q_raw, normed, nullptr);
  apply(layer.k, a.low_rank[kK], k_raw, normed, nullptr);
  apply(layer.v, a.low_rank[kV], v, normed, nullptr);
  if (layer.q_norm) {
    operations_.rms_norm(head_norm_args(*layer.q_norm, q, take(a.q_scale, config_.num_heads), q_raw, config_.num_heads));
    operations_.rms_norm(
        head_norm_args(*layer.k_norm, k, take(a.k_scale, config_.num_kv_heads), k_raw, config_.num_kv_heads));
  }
  operations_.rope(rope_args(q, config_.num_heads));
  operations_.rope(rope_args(k, config_.num_kv_heads));
  operations_.attention(attention);
  apply(layer.o, a.low_rank[kO], take(a.middle, size), attention.out, hidden);
}

// ---- backward

float* Network::hidden_gradient() {
  float* gradient = take(gradients_.hidden, config_.hidden_size);
  operations_.zero(gradient, num_rows_ * config_.hidden_size);
  return gradient;
}

void Network::backward() {
  for (int32_t l = config_.num_layers; l-- > 0;) {
    // The last layer's activations are still there.
    if (checkpointing_ && l + 1 < config_.num_layers) layer_forward(l, false);
    layer_backward(l);
  }
  if (!parameters_.embedding().trained) return;
  EmbedArgs embed{};
  embed.table_gradient = parameters_.embedding().gradients();
  embed.hidden_gradient = take(gradients_.hidden, config_.hidden_size);
  embed.ids = ids_;
  embed.num_rows = int32_t(num_rows_);
  embed.columns = config_.hidden_size;
  operations_.embed_backward(embed);
}

void Network::layer_backward(int32_t l) {
  const TrainedLayer& layer = parameters_.layers()[size_t(l)];
  mlp_backward(layer, activations(l));
  const bool input_is_trained = l > 0 || parameters_.embedding().trained;
  attention_backward(layer, activations(l), take(hidden_[size_t(l)], config_.hidden_size), input_is_trained);
}

void Network::mlp_backward(const TrainedLayer& layer, Activations& a) {
  const int64_t size = config_.hidden_size, inner_size = config_.intermediate_size;
  float *hidden_gradient = take(gradients_.hidden, size), *normed_gradient = take(gradients_.normed, size);
  float* inner_gradient = take(gradients_.inner, inner_size);
  float *gate = take(a.gate, inner_size), *up = take(a.up, inner_size);
  const float* normed = take(a.post_normed, size);

  apply_backward(layer.down, a.low_rank[kDown], hidden_gradient, take(a.inner, inner_size), inner_gradient, false);
  operations_.swiglu_backward({nullptr, gate, up, inner_gradient, num_rows_ * inner_size});
  apply_backward(layer.gate, a.low_rank[kGate], gate, normed, normed_gradient, false);
  apply_backward(layer.up, a.low_rank[kUp], up, normed, normed_gradient, true);

  RmsNormArgs norm = norm_args(*layer.post_attention_norm, nullptr, take(a.post_scale, 1), take(a.middle, size));
  norm.out_gradient = normed_gradient;
  norm.x_gradient = hidden_gradient;
  norm.accumulate = true;
  operations_.rms_norm_backward(norm);
}

// input_is_trained: whether anything below reads the gradient of `hidden`.
void Network::attention_backward(const TrainedLayer& layer, Activations& a, const float* hidden, bool input_is_trained) {
  const int64_t size = config_.hidden_size;
  float* hidden_gradient = take(gradients_.hidden, size);
  float* normed_gradient = input_is_trained ? take(gradients_.normed, size) : nullptr;
  const float* normed = take(a.normed, size);
  AttentionArgs attention = attention_args(layer, a);
  float* attended_gradient = take(gradients_.attended, layer.q.outputs);
  attention.out_gradient = attended_gradient;
  attention.q_gradient = take(gradients_.q, layer.q.outputs);
  attention.k_gradient = take(gradients_.k, layer.k.outputs);
  attention.v_gradient = take(gradients_.v, layer.v.outputs);

  apply_backward(layer.o, a.low_rank[kO], hidden_gradient, attention.out, attended_gradient, false);
  operations_.attention_backward(attention);
  operations_.rope_backward(rope_args(attention.q_gradient, config_.num_heads));
  operations_.rope_backward(rope_args(attention.k_gradient, config_.num_kv_heads));
  if (layer.q_norm) qk_backward(layer, a);
  apply_backward(layer.q, a.low_rank[kQ], attention.q_gradient, normed, normed_gradient, false);
  apply_backward(layer.k, a.low_rank[kK], attention.k_gradient, normed, normed_gradient, true);
  apply_backward(layer.v, a.low_rank[kV], attention.v_gradient, normed, normed_gradient, true);
  if (!input_is_trained) return;

  RmsNormArgs norm = norm_args(*layer.input_norm, nullptr, take(a.scale, 1), hidden);
  norm.out_gradient = normed_gradient;
  norm.x_gradient = hidden_gradient;
  norm.accumulate = true;
  operations_.rms_norm_backward(norm);
}

// Gradients of q and k become those of what their norms read.
void Network::qk_backward(const TrainedLayer& layer, Activations& a) {
  const int32_t heads = config_.num_heads, kv_heads = config_.num_kv_heads;
  RmsNormArgs q = head_norm_args(*layer.q_norm, nullptr, take(a.q_scale, heads), take(a.q_raw, layer.q.outputs), heads);
  q.out_gradient = q.x_gradient = take(gradients_.q, layer.q.outputs);
  operations_.rms_norm_backward(q);
  RmsNormArgs k = head_norm_args(*layer.k_norm, nullptr, take(a.k_scale, kv_heads), take(a.k_raw, layer.k.outputs), kv_heads);
  k.out_gradient = k.x_gradient = take(gradients_.k, layer.k.outputs);
  operations_.rms_norm_backward(k);
}

}  // namespace genarm::train
