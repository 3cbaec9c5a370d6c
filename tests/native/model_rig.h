// What tests of the guided step through the door share: a small model, an engine over it, and the lanes and sequences of
// its step.
#pragma once

#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <memory>
#include <numeric>

#include "check.h"
#include "reference_model.h"
#include "step_writer.h"

namespace model_rig {

using reference::Model;
using reference::Vector;

struct Closer {
  void operator()(ga_device* d) const { ga_device_close(d); }
  void operator()(ga_file* f) const { ga_file_close(f); }
  void operator()(ga_weights* w) const { ga_weights_close(w); }
  void operator()(ga_engine* e) const { ga_engine_close(e); }
};
template <class T>
using Handle = std::unique_ptr<T, Closer>;

inline void ok(ga_status status) {
  if (status != GA_OK) fprintf(stderr, "%s\n", ga_last_error());
  CHECK(status == GA_OK);
}

inline Handle<ga_device> open_device(int32_t threads) {
  ga_device* device = nullptr;
  ok(ga_device_open("cpu", threads, &device));
  return Handle<ga_device>(device);
}

// Writes the model's tensors to a file, each at an odd offset, and loads them from there.
inline Handle<ga_weights> load(ga_device* device, const Model& model) {
  char path[] = "/tmp/genarm_model_XXXXXX";
  const int fd = mkstemp(path);
  FILE* out = fdopen(fd, "wb");
  std::vector<int64_t> offsets;
  for (const std::string& name : model.order) {
    fputc(0, out);
    offsets.push_back(ftell(out));
    fwrite(model.tensors.at(name).data(), 4, model.tensors.at(name).size(), out);
  }
  fclose(out);

  ga_file* opened = nullptr;
  ok(ga_file_open(path, &opened));
  const Handle<ga_file> file(opened);
  ga_weights* created = nullptr;
  ok(ga_weights_create(device, &model.config, model.inv_freq.data(), model.windows.data(), -1, &created));
  Handle<ga_weights> weights(created);
  for (size_t i = 0; i < model.order.size(); ++i) {
    const std::string& name = model.order[i];
    const std::vector<int64_t>& shape = model.shapes.at(name);
    ok(ga_weights_load(created, name.c_str(), GA_F32, shape.data(), int32_t(shape.size()), opened, offsets[i],
                       int64_t(4 * model.tensors.at(name).size())));
  }
  ok(ga_weights_finish(created));
  unlink(path);
  return weights;
}

inline ga_model_config small_config() {
  ga_model_config c{};
  c.num_layers = 2;
  c.hidden_size = 24;
  c.intermediate_size = 37;
  c.num_heads = 4;
  c.num_kv_heads = 2;
  c.head_dim = 6;
  c.vocab_size = 41;
  c.max_positions = 512;
  c.rms_norm_eps = 1e-5f;
  c.rope_attention_factor = 1;
  return c;
}

constexpr int32_t kVocab = 41;

inline ga_engine_config small_limits() {
  ga_engine_config c{};
  c.struct_size = sizeof c;
  c.vocab_size = kVocab;
  c.max_model_len = 100;
  c.max_rows = 96;
  c.max_lanes = 40;
  c.max_sequences = 96;
  c.max_terms = 192;
  c.max_components = 64;
  c.max_biases = 50;
  c.page_size = 16;
  return c;
}

constexpr int32_t kPages = 64;

struct Rig : genarm_test::StepWriter {
  Handle<ga_device> device;
  std::vector<Handle<ga_weights>> weights;
  Handle<ga_engine> engine;

  Rig(const std::vector<const Model*>& models, int32_t threads, ga_engine_config limits = small_limits())
      : StepWriter(kPages), device(open_device(threads)) {
    ga_engine* created = nullptr;
    ok(ga_engine_create(device.get(), &limits, &created));
    engine.reset(created);
    for (const Model* model : models) {
      weights.push_back(load(device.get(), *model));
      ok(ga_engine_add_view(created, weights.back().get(), kPages));
    }
    ok(ga_engine_start(created));
    step = ga_engine_step_buffer(created);
  }

  void submit() { ok(ga_engine_submit(engine.get())); }
  void collect() { ok(ga_engine_collect(engine.get())); }

  std::vector<float> law(int32_t s) {
    std::vector<float> out(kVocab);
    ok(ga_engine_law(engine.get(), s, out.data()));
    return out;
  }
};

inline std::vector<int32_t> ids(int32_t count, int32_t seed) {
  std::vector<int32_t> out;
  for (int32_t i = 0; i < count; ++i) out.push_back((i * 17 + seed * 5 + i * i) % kVocab);
  return out;
}

inline double worst_difference(const std::vector<float>& found, const Vector& expected) {
  double worst = 0;
  for (size_t i = 0; i < found.size(); ++i) worst = std::max(worst, std::abs(found[i] - expected[i]));
  return worst;
}

}  // namespace model_rig
