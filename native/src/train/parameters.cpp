#include "train/parameters.h"

#include <cmath>

#include "error.h"
#include "mapped_file.h"
#include "noise.h"

namespace genarm::train {

ParameterSet::ParameterSet(Backend& backend, const ga_model_config& config, const int32_t* windows, bool train_all)
    : backend_(backend), config_(config), train_all_(train_all) {
  embedding_ = add("model.embed_tokens.weight", config.vocab_size, config.hidden_size, train_all);
  layers_.resize(size_t(config.num_layers));
  for (int32_t l = 0; l < config.num_layers; ++l) {
    layers_[size_t(l)].window = windows[l];
    add_layer("model.layers." + std::to_string(l) + ".", layers_[size_t(l)]);
  }
  final_norm_ = add("model.norm.weight", config.hidden_size, 0, train_all);
  if (!config.tie_embeddings) lm_head_ = add("lm_head.weight", config.vocab_size, config.hidden_size, train_all);
}

Parameter* ParameterSet::add(const std::string& name, int64_t rows, int64_t columns, bool trained) {
  parameters_.push_back(std::make_unique<Parameter>());
  Parameter* parameter = parameters_.back().get();
  parameter->name = name;
  parameter->rows = rows;
  parameter->columns = columns;
  parameter->trained = trained;
  by_name_[name] = parameter;
  return parameter;
}

void ParameterSet::add_linear(Linear& linear, const std::string& name, bool has_bias, int64_t outputs, int64_t inputs) {
  linear.weight = add(name + ".weight", outputs, inputs, train_all_);
  if (has_bias) linear.bias = add(name + ".bias", outputs, 0, train_all_);
  linear.inputs = int32_t(inputs);
  linear.outputs = int32_t(outputs);
  modules_[name] = &linear;
}

void ParameterSet::add_layer(const std::string& prefix, TrainedLayer& layer) {
  const ga_model_config& c = config_;
  const int64_t hidden = c.hidden_size, inner = c.intermediate_size, head = c.head_dim;
  const int64_t q_rows = c.num_heads * head, kv_rows = c.num_kv_heads * head;

  layer.input_norm = add(prefix + "input_layernorm.weight", hidden, 0, train_all_);
  add_linear(layer.q, prefix + "self_attn.q_proj", c.qkv_bias, q_rows, hidden);
  add_linear(layer.k, prefix + "self_attn.k_proj", c.qkv_bias, kv_rows, hidden);
  add_linear(layer.v, prefix + "self_attn.v_proj", c.qkv_bias, kv_rows, hidden);
  if (c.qk_norm) {
    layer.q_norm = add(prefix + "self_attn.q_norm.weight", head, 0, train_all_);
    layer.k_norm = add(prefix + "self_attn.k_norm.weight", head, 0, train_all_);
  }
  add_linear(layer.o, prefix + "self_attn.o_proj", c.o_bias, hidden, q_rows);
  layer.post_attention_norm = add(prefix + "post_attention_layernorm.weight", hidden, 0, train_all_);
  add_linear(layer.gate, prefix + "mlp.gate_proj", c.mlp_bias, inner, hidden);
  add_linear(layer.up, prefix + "mlp.up_proj", c.mlp_bias, inner, hidden);
  add_linear(layer.down, prefix + "mlp.down_proj", c.mlp_bias, hidden, inner);
}

void ParameterSet::add_update(const std::string& module, int32_t rank, float scale) {
  REQUIRE(!finished_, "a low-rank update must be added before the trainer is finished");
  const auto found = modules_.find(module);
  REQUIRE(found != modules_.end(), "the configuration has no linear layer %s", module.c_str());
  Linear& linear = *found->second;
  REQUIRE(!linear.update, "%s has a low-rank update already", module.c_str());
  REQUIRE(rank >= 1 && rank <= 4096, "%s: rank must be in [1, 4096], got %d", module.c_str(), rank);
  REQUIRE(std::isfinite(scale), "%s: scale must be finite, got %g", module.c_str(), scale);
  linear.update = std::make_unique<Update>();
  linear.update->a = add(module + ".lora_A.weight", rank, linear.inputs, true);
  linear.update->b = add(module + ".lora_B.weight", linear.outputs, rank, true);
  linear.update->rank = rank;
  linear.update->scale = scale;
  linear.update->module = num_updates_++;
}

void ParameterSet::load(const StoredTensor& tensor) {
  const auto found = by_name_.find(tensor.name);
  REQUIRE(found != by_name_.end(), "%s: the configuration has no tensor %s", tensor.file.path().c_str(),
          tensor.name.c_str());
  Parameter& parameter = *found->second;
  REQUIRE(!parameter.loaded, "%s: tensor %s was already loaded", tensor.file.path().c_str(), tensor.name.c_str());
  tensor.expect(parameter.columns > 0 ? std::vector<int64_t>{parameter.rows, parameter.columns}
                                      : std::vector<int64_t>{parameter.rows});
  parameter.value = tensor.values(backend_);
  parameter.loaded = true;
}

void ParameterSet::start_update(const Linear& linear, uint64_t seed) {
  Parameter &a = *linear.update->a, &b = *linear.update->b;
  REQUIRE(a.loaded == b.loaded, "tensor %s is missing", (a.loaded ? b : a).name.c_str());
  if (a.loaded) return;
  const double bound = 1 / std::sqrt(double(linear.inputs));
  std::vector<float> start(size_t(a.size()));
  for (size_t i = 0; i < start.size(); ++i) {
    const uint32_t word = philox(seed, uint32_t(i / 4), uint32_t(i / 4 >> 32), linear.update->module, 1).word[i % 4];
    start[i] = float(bound * ((word + 0.5) / 2147483648.0 - 1));
  }
  a.value = backend_.allocate(start.size() * sizeof(float));
  backend_.upload(a.value->data, start.data(), start.size() * sizeof(float));
  b.value = backend_.allocate(size_t(b.size()) * sizeof(float));
  a.loaded = b.loaded = true;
}

void ParameterSet::finish(uint64_t seed) {
  REQUIRE(!finished_, "the trainer is finished already");
  REQUIRE(train_all_ || has_updates(), "nothing is trained: add a low-rank update or train every tensor");
  for (const auto& [name, linear] : modules_) {
    if (linear->update) start_update(*linear, seed);
  }
  for (const auto& p : parameters_) REQUIRE(p->loaded, "tensor %s is missing", p->name.c_str());
  for (const auto& p : parameters_) {
    if (!p->trained) continue;
    for (std::unique_ptr<Buffer>* state : {&p->gradient, &p->first_moment, &p->second_moment}) {
      *state = backend_.allocate(size_t(p->size()) * sizeof(float));
    }
  }
  backend_.synchronize();
  finished_ = true;
}

Parameter& ParameterSet::at(const std::string& name) const {
  const auto found = by_name_.find(name);
  REQUIRE(found != by_name_.end(), "the trainer has no tensor %s", name.c_str());
  return *found->second;
}

}  // namespace genarm::train
