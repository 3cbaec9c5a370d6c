// Small random models for the trainer's tests.
#pragma once

#include <unistd.h>

#include <random>

#include "train_fixture.h"

namespace genarm_test {

struct Tensor {
  std::string name;
  int64_t rows, columns;  // a vector has columns 0
  int64_t size() const { return columns > 0 ? rows * columns : rows; }
};

// Odd everywhere: hidden 20, heads of 6, vocabulary 37.
inline ga_model_config plain() {
  ga_model_config c{};
  c.struct_size = sizeof c;
  c.num_layers = 2;
  c.hidden_size = 20;
  c.intermediate_size = 27;
  c.num_heads = 4;
  c.num_kv_heads = 2;
  c.head_dim = 6;
  c.vocab_size = 37;
  c.max_positions = 40;
  c.rms_norm_eps = 1e-5f;
  c.rope_attention_factor = 1;
  return c;
}
inline ga_model_config every_switch() {
  ga_model_config c = plain();
  c.qkv_bias = c.o_bias = c.mlp_bias = c.qk_norm = c.tie_embeddings = 1;
  c.rope_attention_factor = 1.25f;
  return c;
}

inline void add_linear(std::vector<Tensor>& out, const std::string& name, bool bias, int64_t rows, int64_t columns) {
  out.push_back({name + ".weight", rows, columns});
  if (bias) out.push_back({name + ".bias", rows, 0});
}

inline std::vector<Tensor> tensors(const ga_model_config& c) {
  std::vector<Tensor> out = {{"model.embed_tokens.weight", c.vocab_size, c.hidden_size}};
  const int64_t q = c.num_heads * c.head_dim, kv = c.num_kv_heads * c.head_dim;
  for (int l = 0; l < c.num_layers; ++l) {
    const std::string p = "model.layers." + std::to_string(l) + ".";
    out.push_back({p + "input_layernorm.weight", c.hidden_size, 0});
    out.push_back({p + "post_attention_layernorm.weight", c.hidden_size, 0});
    add_linear(out, p + "self_attn.q_proj", c.qkv_bias, q, c.hidden_size);
    add_linear(out, p + "self_attn.k_proj", c.qkv_bias, kv, c.hidden_size);
    add_linear(out, p + "self_attn.v_proj", c.qkv_bias, kv, c.hidden_size);
    add_linear(out, p + "self_attn.o_proj", c.o_bias, c.hidden_size, q);
    add_linear(out, p + "mlp.gate_proj", c.mlp_bias, c.intermediate_size, c.hidden_size);
    add_linear(out, p + "mlp.up_proj", c.mlp_bias, c.intermediate_size, c.hidden_size);
    add_linear(out, p + "mlp.down_proj", c.mlp_bias, c.hidden_size, c.intermediate_size);
    if (c.qk_norm) {
      out.push_back({p + "self_attn.q_norm.weight", c.head_dim, 0});
      out.push_back({p + "self_attn.k_norm.weight", c.head_dim, 0});
    }
  }
  out.push_back({"model.norm.weight", c.hidden_size, 0});
  if (!c.tie_embeddings) out.push_back({"lm_head.weight", c.vocab_size, c.hidden_size});
  return out;
}

// Loads seeded numbers through a file, as a checkpoint comes.
inline void load_random(TestTrainer& trainer, const ga_model_config& c) {
  std::mt19937 bits(7);
  std::normal_distribution<float> normal;
  std::vector<float> values;
  for (const Tensor& t : tensors(c)) {
    for (int64_t i = 0; i < t.size(); ++i) values.push_back(t.columns > 0 ? 0.3f * normal(bits) : 1 + 0.3f * normal(bits));
  }
  char path[] = "/tmp/genarm_train_XXXXXX";
  const int descriptor = mkstemp(path);
  const ssize_t bytes = ssize_t(values.size() * sizeof(float));
  CHECK(write(descriptor, values.data(), size_t(bytes)) == bytes);
  close(descriptor);
  ga_file* file = nullptr;
  must(ga_file_open(path, &file));
  int64_t offset = 0;
  for (const Tensor& t : tensors(c)) {
    const int64_t shape[2] = {t.rows, t.columns};
    must(ga_trainer_load(trainer.get(), t.name.c_str(), GA_F32, shape, t.columns > 0 ? 2 : 1, file, offset, 4 * t.size()));
    offset += 4 * t.size();
  }
  ga_file_close(file);
  unlink(path);
}

inline std::vector<int32_t> random_ids(std::mt19937& bits, int count) {
  std::vector<int32_t> out;
  for (int i = 0; i < count; ++i) out.push_back(int32_t(bits() % 37));
  return out;
}

// Prompts and responses of many lengths, responses of one token among them.
inline Pairs pairs(int count, bool rejected = true) {
  std::mt19937 bits(8);
  Pairs out;
  const int lengths[5][3] = {{3, 9, 5}, {1, 1, 7}, {12, 4, 1}, {5, 20, 19}, {2, 3, 3}};
  for (int i = 0; i < count; ++i) {
    const int* n = lengths[i % 5];
    const auto prompt = random_ids(bits, n[0]), chosen = random_ids(bits, n[1]), other = random_ids(bits, n[2]);
    out.add(prompt, chosen, rejected ? other : std::vector<int32_t>());
  }
  return out;
}

}  // namespace genarm_test
