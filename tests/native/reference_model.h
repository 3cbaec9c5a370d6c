// A small random transformer and its definition in double: the oracle of the model tests.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "genarm.h"

namespace reference {

using Vector = std::vector<double>;

class Model {
 public:
  ga_model_config config{};
  std::vector<float> inv_freq;
  std::vector<int32_t> windows;
  std::vector<std::string> order;
  std::map<std::string, std::vector<float>> tensors;
  std::map<std::string, std::vector<int64_t>> shapes;

  Model(const ga_model_config& c, uint32_t seed) : config(c), windows(size_t(c.num_layers), 0), random_(seed) {
    config.struct_size = sizeof(ga_model_config);
    for (int32_t i = 0; i < c.head_dim / 2; ++i) inv_freq.push_back(float(std::pow(1e4, -2.0 * i / c.head_dim)));
    const int64_t h = c.hidden_size, q = c.num_heads * c.head_dim, kv = c.num_kv_heads * c.head_dim;
    const int64_t f = c.intermediate_size;
    add_matrix("model.embed_tokens.weight", c.vocab_size, h);
    for (int32_t l = 0; l < c.num_layers; ++l) {
      const std::string p = prefix(l);
      add_vector(p + "input_layernorm.weight", h, 1);
      add_vector(p + "post_attention_layernorm.weight", h, 1);
      add_linear(p + "self_attn.q_proj", q, h, c.qkv_bias);
      add_linear(p + "self_attn.k_proj", kv, h, c.qkv_bias);
      add_linear(p + "self_attn.v_proj", kv, h, c.qkv_bias);
      add_linear(p + "self_attn.o_proj", h, q, c.o_bias);
      add_linear(p + "mlp.gate_proj", f, h, c.mlp_bias);
      add_linear(p + "mlp.up_proj", f, h, c.mlp_bias);
      add_linear(p + "mlp.down_proj", h, f, c.mlp_bias);
      if (c.qk_norm) add_vector(p + "self_attn.q_norm.weight", c.head_dim, 1);
      if (c.qk_norm) add_vector(p + "self_attn.k_norm.weight", c.head_dim, 1);
    }
    add_vector("model.norm.weight", h, 1);
    if (!c.tie_embeddings) add_matrix("lm_head.weight", c.num_labels > 0 ? c.num_labels : c.vocab_size, h);
  }

  // Logits [ids, vocab_size] at every position, or scores [ids, num_labels].
  std::vector<Vector> logits(const std::vector<int32_t>& ids) const {
    std::vector<Vector> hidden, out;
    const std::vector<float>& table = tensors.at("model.embed_tokens.weight");
    for (int32_t id : ids) {
      const auto row = table.begin() + int64_t(id) * config.hidden_size;
      hidden.emplace_back(row, row + config.hidden_size);
    }
    for (int32_t l = 0; l < config.num_layers; ++l) run_layer(l, hidden);
    for (const Vector& h : hidden) {
      const Vector x = norm(h, "model.norm.weight", 0, h.size());
      out.push_back(multiply(config.tie_embeddings ? "model.embed_tokens.weight" : "lm_head.weight", x));
    }
    return out;
  }

 private:
  static std::string prefix(int32_t layer) { return "model.layers." + std::to_string(layer) + "."; }

  void add(const std::string& name, const std::vector<int64_t>& shape, std::normal_distribution<float> normal) {
    int64_t size = 1;
    for (int64_t extent : shape) size *= extent;
    std::vector<float>& values = tensors[name];
    for (int64_t i = 0; i < size; ++i) values.push_back(normal(random_));
    shapes[name] = shape;
    order.push_back(name);
  }
  void add_matrix(const std::string& name, int64_t rows, int64_t columns) {
    add(name, {rows, columns}, std::normal_distribution<float>(0, 1.2f / std::sqrt(float(columns))));
  }
  void add_vector(const std::string& name, int64_t size, float mean) {
    add(name, {size}, std::normal_distribution<float>(mean, 0.2f));
  }
  void add_linear(const std::string& name, int64_t rows, int64_t columns, int32_t bias) {
    add_matrix(name + ".weight", rows, columns);
    if (bias) add_vector(name + ".bias", rows, 0);
  }

  Vector multiply(const std::string& weight, const Vector& x, const std::string& bias = "") const {
    const std::vector<float>& w = tensors.at(weight);
    Vector y(w.size() / x.size(), 0);
    for (size_t o = 0; o < y.size(); ++o) {
      for (size_t i = 0; i < x.size(); ++i) y[o] += double(w[o * x.size() + i]) * x[i];
      if (tensors.count(bias)) y[o] += tensors.at(bias)[o];
    }
    return y;
  }
  Vector project(const std::string& name, const Vector& x) const {
    return multiply(name + ".weight", x, name + ".bias");
  }

  // RMSNorm of x[start, start + size); the rest of x stays.
  Vector norm(const Vector& x, const std::string& weight, size_t start, size_t size) const {
    double squares = 0;
    for (size_t i = 0; i < size; ++i) squares += x[start + i] * x[start + i];
    const double scale = 1 / std::sqrt(squares / double(size) + config.rms_norm_eps);
    Vector y(x);
    for (size_t i = 0; i < size; ++i) y[start + i] = x[start + i] * scale * tensors.at(weight)[i];
    return y;
  }

  void rotate(Vector& x, size_t start, size_t position) const {
    const size_t half = inv_freq.size();
    for (size_t i = 0; i < half; ++i) {
      const double angle = double(float(position) * inv_freq[i]);
      const double c = std::cos(angle) * config.rope_attention_factor;
      const double s = std::sin(angle) * config.rope_attention_factor;
      const double a = x[start + i], b = x[start + half + i];
      x[start + i] = a * c - b * s;
      x[start + half + i] = b * c + a * s;
    }
  }

  // q, k or v of all heads of one position.
  Vector heads(const std::string& p, const std::string& kind, const Vector& x, size_t position) const {
    Vector y = project(p + "self_attn." + kind + "_proj", x);
    if (kind == "v") return y;
    for (size_t start = 0; start < y.size(); start += size_t(config.head_dim)) {
      if (config.qk_norm) y = norm(y, p + "self_attn." + kind + "_norm.weight", start, size_t(config.head_dim));
      rotate(y, start, position);
    }
    return y;
  }

  Vector attend(const Vector& q, const std::vector<Vector>& k, const std::vector<Vector>& v, size_t t,
                int32_t window) const {
    const size_t d = size_t(config.head_dim);
    const size_t first = window > 0 && t + 1 > size_t(window) ? t + 1 - size_t(window) : 0;
    Vector out(q.size(), 0);
    for (size_t h = 0; h < size_t(config.num_heads); ++h) {
      const size_t kv = h / size_t(config.num_heads / config.num_kv_heads);
      Vector weight;
      double total = 0;
      for (size_t s = first; s <= t; ++s) {
        double score = 0;
        for (size_t i = 0; i < d; ++i) score += q[h * d + i] * k[s][kv * d + i];
        weight.push_back(std::exp(score / std::sqrt(double(d))));
        total += weight.back();
      }
      for (size_t s = first; s <= t; ++s) {
        for (size_t i = 0; i < d; ++i) out[h * d + i] += weight[s - first] / total * v[s][kv * d + i];
      }
    }
    return out;
  }

  void run_layer(int32_t l, std::vector<Vector>& hidden) const {
    const std::string p = prefix(l);
    std::vector<Vector> q, k, v;
    for (size_t t = 0; t < hidden.size(); ++t) {
      const Vector x = norm(hidden[t], p + "input_layernorm.weight", 0, hidden[t].size());
      q.push_back(heads(p, "q", x, t));
      k.push_back(heads(p, "k", x, t));
      v.push_back(heads(p, "v", x, t));
    }
    for (size_t t = 0; t < hidden.size(); ++t) {
      accumulate(hidden[t], project(p + "self_attn.o_proj", attend(q[t], k, v, t, windows[size_t(l)])));
      const Vector x = norm(hidden[t], p + "post_attention_layernorm.weight", 0, hidden[t].size());
      Vector gate = project(p + "mlp.gate_proj", x);
      const Vector up = project(p + "mlp.up_proj", x);
      for (size_t i = 0; i < gate.size(); ++i) gate[i] = gate[i] / (1 + std::exp(-gate[i])) * up[i];
      accumulate(hidden[t], project(p + "mlp.down_proj", gate));
    }
  }

  static void accumulate(Vector& a, const Vector& b) {
    for (size_t i = 0; i < a.size(); ++i) a[i] += b[i];
  }

  std::mt19937 random_;
};

inline Vector log_softmax(const Vector& z) {
  const double highest = *std::max_element(z.begin(), z.end());
  double total = 0;
  for (double value : z) total += std::exp(value - highest);
  Vector out;
  for (double value : z) out.push_back(value - highest - std::log(total));
  return out;
}

}  // namespace reference
