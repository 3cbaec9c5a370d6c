// What tests of the engine over the CUDA backend share: models with random weights, loaded from files, and a step that is
// filled by hand. Weights are bf16 on both sides, activations are bf16 on one, so laws agree within kWithin.
#pragma once

#include <unistd.h>

#include <cstdio>

#include "../native/reference_model.h"
#include "../native/step_writer.h"
#include "cuda/cuda_backend.h"
#include "error.h"
#include "harness.h"
#include "mapped_file.h"
#include "model/engine.h"
#include "model/stored_tensor.h"
#include "quantise.h"

namespace genarm {

using cuda::CudaBackend;
using cuda::Failure;
using reference::Model;
using reference::Vector;

constexpr double kWithin = 0.06;
constexpr int32_t kVocab = 41;

// A file of f32 tensors, and how to read one.
class TensorFile {
 public:
  explicit TensorFile(const std::vector<const std::vector<float>*>& tensors) {
    char path[] = "/tmp/genarm_simt_XXXXXX";
    FILE* out = fdopen(mkstemp(path), "wb");
    for (const auto* values : tensors) {
      offsets_.push_back(ftell(out));
      fwrite(values->data(), sizeof(float), values->size(), out);
    }
    fclose(out);
    file_ = std::make_unique<MappedFile>(path);
    unlink(path);
  }
  StoredTensor tensor(size_t i, const char* name, const std::vector<int64_t>& shape) const {
    int64_t bytes = sizeof(float);
    for (const int64_t extent : shape) bytes *= extent;
    return {*file_, name, GA_F32, shape.data(), int32_t(shape.size()), offsets_[i], bytes};
  }

 private:
  std::vector<int64_t> offsets_;
  std::unique_ptr<MappedFile> file_;
};

// With weights that bf16 holds exactly, so that the definition reads the same ones.
inline Model model_of(const ga_model_config& config, uint32_t seed) {
  Model model(config, seed);
  for (auto& [name, values] : model.tensors)
    for (float& value : values) value = bf16_to_f32(f32_to_bf16(value));
  return model;
}

// What the weights are once they are kept as `dtype`: tables of int4 models are int8.
inline Model quantised(Model model, Dtype dtype) {
  for (auto& [name, values] : model.tensors) {
    const std::vector<int64_t>& shape = model.shapes.at(name);
    if (shape.size() < 2) continue;
    const bool table = name == "model.embed_tokens.weight" || name == "lm_head.weight";
    const int bits = dtype == Dtype::int8 || table ? 8 : 4;
    for (int64_t r = 0; r < shape[0]; ++r)
      for (int64_t b = 0; b < shape[1]; b += kQuantBlock) {
        float x[kQuantBlock] = {};
        int u[kQuantBlock];
        const int64_t count = std::min<int64_t>(kQuantBlock, shape[1] - b);
        std::copy_n(&values[size_t(r * shape[1] + b)], count, x);
        const float scale = f16_to_f32(quantise_block(x, bits, u));
        for (int64_t k = 0; k < count; ++k)
          values[size_t(r * shape[1] + b + k)] = scale * float(u[k] - (bits == 8 ? 128 : 8));
      }
  }
  return model;
}

inline std::shared_ptr<WeightSet> load(Backend& backend, const Model& model, int32_t dtype = -1) {
  std::vector<const std::vector<float>*> values;
  for (const std::string& name : model.order) values.push_back(&model.tensors.at(name));
  const TensorFile file(values);
  auto set = std::make_shared<WeightSet>(backend, model.config, model.inv_freq.data(), model.windows.data(), dtype);
  for (size_t i = 0; i < model.order.size(); ++i)
    set->load(file.tensor(i, model.order[i].c_str(), model.shapes.at(model.order[i])));
  set->finish();
  return set;
}

inline ga_model_config config_of(int32_t num_heads, int32_t num_kv_heads, int32_t head_dim) {
  ga_model_config c{};
  c.num_layers = 2;
  c.hidden_size = 24;
  c.intermediate_size = 37;
  c.num_heads = num_heads;
  c.num_kv_heads = num_kv_heads;
  c.head_dim = head_dim;
  c.vocab_size = kVocab;
  c.max_positions = 512;
  c.rms_norm_eps = 1e-5f;
  c.rope_attention_factor = 1;
  return c;
}

inline ga_engine_config limits_of(int32_t max_model_len, int32_t max_in_flight = 1, int32_t vocab_size = kVocab) {
  ga_engine_config c{};
  c.struct_size = sizeof c;
  c.vocab_size = vocab_size;
  c.max_model_len = max_model_len;
  c.max_rows = 96;
  c.max_lanes = 8;
  c.max_sequences = 32;
  c.max_terms = 64;
  c.max_components = 4;
  c.max_biases = 8;
  c.max_objectives = 2;
  c.page_size = 16;
  c.max_in_flight = max_in_flight;
  return c;
}

struct Rig : genarm_test::StepWriter {
  CudaBackend backend;
  Engine engine;

  explicit Rig(int32_t max_model_len = 100, int32_t max_in_flight = 1, int32_t vocab_size = kVocab,
               size_t partial_bytes = 64 << 20)
      : StepWriter(32), backend(0, partial_bytes), engine(backend, limits_of(max_model_len, max_in_flight, vocab_size)) {}

  void start() {
    engine.start();
    step = engine.step_buffer();
  }
  void sequence(const std::vector<std::pair<int32_t, float>>& terms, float temperature = 1, int32_t flags = GA_KEEP_LAW,
                int64_t seed = 99) {
    StepWriter::sequence(terms, temperature, flags, seed);
  }
  void submit() { engine.submit(); }
  void collect() { engine.collect(); }
  std::vector<float> law(int32_t s) {
    std::vector<float> out(kVocab);
    engine.law(s, out.data());
    return out;
  }
};

inline std::vector<int32_t> ids(int32_t count, int32_t seed) {
  std::vector<int32_t> out;
  for (int32_t i = 0; i < count; ++i) out.push_back((i * 17 + seed * 5 + i * i) % kVocab);
  return out;
}

inline void check_law(const std::vector<float>& found, const Vector& logits, int64_t row, double within = kWithin) {
  const Vector expected = reference::log_softmax(logits);
  for (size_t v = 0; v < found.size(); ++v) cuda::check_near(found[v], expected[v], within, "law", row, int64_t(v));
}

}  // namespace genarm
