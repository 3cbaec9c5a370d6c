#include "model/adapter.h"

#include <algorithm>
#include <cinttypes>
#include <cmath>
#include <cstdio>
#include <cstring>

#include "error.h"
#include "mapped_file.h"

namespace genarm {
namespace {

constexpr int64_t kMaxRank = 1024;

struct ModuleName {
  Module module;
  const char* name;
};
constexpr ModuleName kNames[kLayerModules] = {
    {Module::q_proj, "self_attn.q_proj"}, {Module::k_proj, "self_attn.k_proj"}, {Module::v_proj, "self_attn.v_proj"},
    {Module::o_proj, "self_attn.o_proj"}, {Module::gate_proj, "mlp.gate_proj"}, {Module::up_proj, "mlp.up_proj"},
    {Module::down_proj, "mlp.down_proj"}};

int64_t key(int32_t layer, Module module) { return int64_t(layer) * (kLayerModules + 1) + int64_t(module); }

// Throws unless `name` is a linear layer of the model.
int64_t key_of(const std::string& name, const ga_model_config& config) {
  if (name == "lm_head") return key(0, Module::lm_head);
  int32_t layer = -1;
  int end = 0;
  if (sscanf(name.c_str(), "model.layers.%" SCNd32 ".%n", &layer, &end) == 1 && end > 0 && layer >= 0 &&
      layer < config.num_layers) {
    for (const ModuleName& candidate : kNames) {
      if (name.compare(size_t(end), std::string::npos, candidate.name) == 0) return key(layer, candidate.module);
    }
  }
  fail(GA_INVALID_ARGUMENT, "the model has no linear layer %s", name.c_str());
}

struct Shape {
  int64_t rows, columns, row_group;
};

Shape shape_of(int64_t key, const ga_model_config& c) {
  const int64_t hidden = c.hidden_size, inner = c.intermediate_size, head = c.head_dim;
  switch (Module(key % (kLayerModules + 1))) {
    case Module::q_proj: return {c.num_heads * head, hidden, head};
    case Module::k_proj:
    case Module::v_proj: return {c.num_kv_heads * head, hidden, head};
    case Module::o_proj: return {hidden, c.num_heads * head, 0};
    case Module::gate_proj:
    case Module::up_proj: return {inner, hidden, 0};
    case Module::down_proj: return {hidden, inner, 0};
    case Module::lm_head: break;
  }
  return {c.num_labels > 0 ? c.num_labels : c.vocab_size, hidden, 0};
}

// Null where it has not been loaded yet.
const Matrix* layer_of(int64_t key, const WeightSet& weights) {
  const Layer* layer = weights.layers().data() + key / (kLayerModules + 1);
  switch (Module(key % (kLayerModules + 1))) {
    case Module::q_proj: return layer->q_proj.get();
    case Module::k_proj: return layer->k_proj.get();
    case Module::v_proj: return layer->v_proj.get();
    case Module::o_proj: return layer->o_proj.get();
    case Module::gate_proj: return layer->gate_proj.get();
    case Module::up_proj: return layer->up_proj.get();
    case Module::down_proj: return layer->down_proj.get();
    case Module::lm_head: break;
  }
  return weights.lm_head();
}

// As stored, but f32 beside quantised weights becomes bf16: half the bytes, and an error far below theirs
// (docs/decisions/0008-adapters-beside-quantised-weights.md).
Dtype kept_as(int32_t stored, const Matrix* layer) {
  const bool quantised = layer && (layer->dtype == Dtype::int8 || layer->dtype == Dtype::int4);
  return quantised && Dtype(stored) == Dtype::f32 ? Dtype::bf16 : Dtype(stored);
}

MatrixSource of_adapter(MatrixSource source) {
  source.low_rank = true;
  return source;
}

}  // namespace

Adapter::Adapter(std::shared_ptr<const WeightSet> weights, int32_t num_objectives)
    : weights_(std::move(weights)), num_objectives_(num_objectives) {
  REQUIRE(num_objectives >= 0 && num_objectives <= 64, "num_objectives must be in [0, 64], got %d", num_objectives);
}

Adapter::Update& Adapter::update(const std::string& module) {
  REQUIRE(!finished_, "the adapter is finished");
  Update& found = updates_[key_of(module, weights_->config())];
  found.name = module;
  return found;
}

void Adapter::load(const std::string& module, const std::string& part, const StoredTensor& tensor) {
  Update& u = update(module);
  Backend& backend = weights_->backend();
  const int64_t key = key_of(module, weights_->config());
  const Shape shape = shape_of(key, weights_->config());
  const Dtype dtype = kept_as(tensor.dtype, layer_of(key, *weights_));
  const bool given = part == "A"    ? u.a != nullptr
                     : part == "B"  ? u.b != nullptr
                     : part == "W1" ? u.w1 != nullptr
                                    : u.w2 != nullptr;
  REQUIRE(!given, "%s: tensor %s was already loaded", tensor.file.path().c_str(), tensor.name.c_str());
  REQUIRE(num_objectives_ == 0 || module != "lm_head",
          "%s: tensor %s: a preference-conditioned adapter cannot update lm_head",
          tensor.file.path().c_str(), tensor.name.c_str());

  if (part == "A") {
    const int64_t rank = tensor.shape.empty() ? 0 : tensor.shape[0];
    tensor.expect({rank, shape.columns});
    u.a = backend.pack(of_adapter(tensor.matrix(0)), dtype);
    bytes_ += u.a->bytes;
  } else if (part == "B") {
    const int64_t rank = tensor.shape.size() < 2 ? 0 : tensor.shape[1];
    tensor.expect({shape.rows, rank});
    u.b = backend.pack(of_adapter(tensor.matrix(shape.row_group)), dtype);
    bytes_ += u.b->bytes;
  } else if (part == "W1" || part == "W2") {
    REQUIRE(num_objectives_ > 0, "%s: tensor %s: a LoRA adapter has no %s", tensor.file.path().c_str(),
            tensor.name.c_str(), part.c_str());
    (part == "W1" ? u.w1 : u.w2) = tensor.values(backend);
    (part == "W1" ? u.w1_size : u.w2_size) = tensor.size();
    bytes_ += tensor.size() * int64_t(sizeof(float));
  } else {
    fail(GA_INVALID_ARGUMENT, "%s: part must be A, B, W1 or W2, got %s", module.c_str(), part.c_str());
  }
}

void Adapter::scale(const std::string& module, float scale) {
  REQUIRE(std::isfinite(scale), "%s: the scale must be finite, got %g", module.c_str(), scale);
  Update& u = update(module);
  u.scale = scale;
  u.scaled = true;
}

void Adapter::check_ranks(const Update& u) const {
  const char* name = u.name.c_str();
  REQUIRE(u.a, "%s: A is missing", name);
  REQUIRE(u.b, "%s: B is missing", name);
  REQUIRE(u.scaled, "%s: the scale is missing", name);
  const int64_t rank = u.a->rows;
  REQUIRE(rank >= 1 && rank <= kMaxRank, "%s: the rank must be in [1, %" PRId64 "], got %" PRId64, name, kMaxRank,
          rank);
  REQUIRE(u.b->columns == rank, "%s: A has rank %" PRId64 ", B has rank %" PRId64, name, rank, u.b->columns);
  if (num_objectives_ == 0) return;

  REQUIRE(u.w1 && u.w2, "%s: W1 or W2 is missing", name);
  const int64_t fixed = int64_t(std::llround(std::sqrt(double(u.w1_size)))), free = rank - fixed;
  REQUIRE(fixed * fixed == u.w1_size && free >= 0 && free * free * num_objectives_ == u.w2_size,
          "%s: W1 has %" PRId64 " values and W2 %" PRId64 ", which do not fit rank %" PRId64 " and %d objectives", name,
          u.w1_size, u.w2_size, rank, num_objectives_);
}

void Adapter::finish() {
  REQUIRE(!updates_.empty(), "the adapter updates no linear layer");
  for (const auto& [unused, update] : updates_) check_ranks(update);
  finished_ = true;
}

int32_t Adapter::max_rank() const {
  int64_t rank = 0;
  for (const auto& [key, update] : updates_) {
    if (update.a) rank = std::max(rank, update.a->rows);
  }
  return int32_t(rank);
}

bool Adapter::low_rank(int32_t layer, Module module, LowRank* out) const {
  const auto found = updates_.find(key(layer, module));
  if (found == updates_.end()) return false;
  const Update& u = found->second;
  *out = {};
  out->a = u.a.get();
  out->b = u.b.get();
  out->scale = u.scale;
  out->num_objectives = num_objectives_;
  if (num_objectives_ > 0) {
    out->w1 = u.w1->as<float>();
    out->w2 = u.w2->as<float>();
    out->fixed_rank = int32_t(std::llround(std::sqrt(double(u.w1_size))));
  }
  return true;
}

}  // namespace genarm
