// Whole guided steps with random weights, from one step's tokens in the host's hands to the next one's: the engine as it is,
// on weights that the device fills itself. Tokens are fed on the device with two steps in flight, and beside it with one.
#include <unistd.h>

#include "cuda/cuda_backend.h"
#include "error.h"
#include "gpu_bench.h"
#include "mapped_file.h"
#include "model/adapter.h"
#include "model/engine.h"
#include "model/stored_tensor.h"
#include "shapes.h"

namespace genarm::cuda {
namespace {

constexpr int kPageSize = 64, kContext = 256, kRank = 16, kInFlight = 2;

// Matrices of the right shape and format, filled on the device: what a checkpoint holds is not read.
class RandomBackend final : public CudaBackend {
 public:
  RandomBackend() : CudaBackend(0), filling_(stream_create()) {}
  ~RandomBackend() override { stream_destroy(filling_); }

  std::unique_ptr<Matrix> pack(const MatrixSource& source, Dtype dtype) override {
    auto matrix = std::make_unique<CudaMatrix>();
    matrix->rows = source.rows;
    matrix->columns = source.columns;
    matrix->packed_columns = int32_t(source.columns);
    matrix->dtype = dtype;
    matrix->format = dtype == Dtype::int4 ? Format::int4 : dtype == Dtype::int8 ? Format::int8 : Format::bf16;
    const int64_t packed_rows =
        source.row_group > 0 ? paired_rows(source.rows / source.row_group, int(source.row_group)) : source.rows;
    const size_t bytes = source.low_rank ? size_t(source.rows * source.columns) * 4
                                         : size_t(tiles_of(packed_rows) * tile_bytes(source.columns, matrix->format));
    matrix->memory = random_memory(bytes, filling_);
    matrix->bytes = int64_t(bytes);
    stream_sync(filling_);
    return matrix;
  }

 private:
  stream_t filling_;
};

// A file of ones at its beginning, for norms, and nothing behind them.
class Ones {
 public:
  explicit Ones(int64_t bytes) {
    char path[] = "/tmp/genarm_bench_XXXXXX";
    const int file = mkstemp(path);
    const std::vector<uint16_t> ones(1 << 16, 0x3f80);
    const bool written = write(file, ones.data(), ones.size() * 2) > 0 && ftruncate(file, bytes) == 0;
    close(file);
    if (!written) fail(GA_FILE_ERROR, "%s cannot be written", path);
    file_ = std::make_unique<MappedFile>(path);
    unlink(path);
  }
  StoredTensor tensor(const std::string& name, const std::vector<int64_t>& shape) const {
    int64_t bytes = 2;
    for (const int64_t extent : shape) bytes *= extent;
    return {*file_, name, GA_BF16, shape.data(), int32_t(shape.size()), 0, bytes};
  }

 private:
  std::unique_ptr<MappedFile> file_;
};

struct ModelCase {
  const ga_model_config* config;
  Dtype dtype;
};

std::shared_ptr<WeightSet> random_weights(Backend& backend, const Ones& ones, const ModelCase& model) {
  const ga_model_config& c = *model.config;
  const std::vector<float> frequencies(size_t(c.head_dim / 2), 0.01f);
  const std::vector<int32_t> windows(size_t(c.num_layers), 0);
  auto set = std::make_shared<WeightSet>(backend, c, frequencies.data(), windows.data(), int32_t(model.dtype));
  const int64_t h = c.hidden_size, f = c.intermediate_size, q = int64_t(c.num_heads) * c.head_dim,
                kv = int64_t(c.num_kv_heads) * c.head_dim;
  const auto load = [&](const std::string& name, const std::vector<int64_t>& shape) { set->load(ones.tensor(name, shape)); };
  load("model.embed_tokens.weight", {c.vocab_size, h});
  load("model.norm.weight", {h});
  if (!c.tie_embeddings) load("lm_head.weight", {c.vocab_size, h});
  for (int l = 0; l < c.num_layers; ++l) {
    const std::string layer = "model.layers." + std::to_string(l) + ".";
    load(layer + "input_layernorm.weight", {h});
    load(layer + "self_attn.q_proj.weight", {q, h});
    load(layer + "self_attn.k_proj.weight", {kv, h});
    load(layer + "self_attn.v_proj.weight", {kv, h});
    load(layer + "self_attn.o_proj.weight", {h, q});
    load(layer + "post_attention_layernorm.weight", {h});
    load(layer + "mlp.gate_proj.weight", {f, h});
    load(layer + "mlp.up_proj.weight", {f, h});
    load(layer + "mlp.down_proj.weight", {h, f});
  }
  set->finish();
  return set;
}

std::shared_ptr<Adapter> random_adapter(const std::shared_ptr<WeightSet>& set, const Ones& ones) {
  const ga_model_config& c = set->config();
  auto adapter = std::make_shared<Adapter>(set, 0);
  for (int l = 0; l < c.num_layers; ++l)
    for (const char* name : {"q_proj", "v_proj"}) {
      const std::string module = "model.layers." + std::to_string(l) + ".self_attn." + name;
      const int64_t rows = int64_t(name[0] == 'q' ? c.num_heads : c.num_kv_heads) * c.head_dim;
      adapter->load(module, "A", ones.tensor("A", {kRank, c.hidden_size}));
      adapter->load(module, "B", ones.tensor("B", {rows, kRank}));
      adapter->scale(module, 1);
    }
  adapter->finish();
  return adapter;
}

struct Case {
  const char* name;
  ModelCase base;
  int num_adapters;     // LoRA reward models over the base
  std::vector<ModelCase> arms;  // reward models of their own
};

class Steps {
 public:
  Steps(RandomBackend& backend, const Ones& ones, const Case& c, int batch, int steps)
      : batch_(batch), engine_(backend, limits(c, batch, steps)) {
    const int pages = (kContext + steps) / kPageSize + 1;
    const auto base = random_weights(backend, ones, c.base);
    const int views_of_base = 1 + c.num_adapters;
    bytes_ += base->bytes();
    engine_.add_view(base, nullptr, pages * batch * views_of_base);
    for (int i = 0; i < c.num_adapters; ++i)
      engine_.add_view(base, random_adapter(base, ones), pages * batch * views_of_base);
    for (const ModelCase& arm : c.arms) {
      const auto set = random_weights(backend, ones, arm);
      bytes_ += set->bytes();
      engine_.add_view(set, nullptr, pages * batch);
    }
    engine_.start();
    num_views_ = views_of_base + int(c.arms.size());
    num_set_views_ = views_of_base;
    pages_ = pages;
  }

  // Microseconds of each of so many steps.
  std::vector<double> run(int count, int in_flight) {
    std::vector<double> us;
    auto last = Clock::now();
    for (int submitted = 0, collected = 0; collected < count; ++collected) {
      for (; submitted < count && submitted - collected < in_flight; ++submitted) submit(submitted);
      engine_.collect();
      const auto now = Clock::now();
      us.push_back(std::chrono::duration<double, std::micro>(now - last).count());
      last = now;
    }
    return us;
  }
  int64_t bytes() const { return bytes_; }

 private:
  // The step of every sequence, of what the one before it drew.
  void submit(int number) {
    const int position = kContext + number;
    ga_step* step = engine_.step_buffer();
    step->num_lanes = batch_ * num_views_;
    step->num_sequences = batch_;
    for (int v = 0, l = 0; v < num_views_; ++v)
      for (int s = 0; s < batch_; ++s, ++l) {
        step->lane_view[l] = v;
        step->lane_position[l] = position;
        step->lane_rows[l] = 1;
        step->token_ids[l] = number == 0 ? (position * 7 + s) % 100 : -1 - s;
        const int first = ((v < num_set_views_ ? v : 0) * batch_ + s) * pages_;
        for (int p = 0; p < pages_; ++p) step->lane_pages[l * step->max_pages_per_lane + p] = first + p;
      }
    for (int s = 0, term = 0; s < batch_; ++s) {
      step->sequence_terms[s] = num_views_;
      for (int v = 0; v < num_views_; ++v, ++term) {
        step->term_row[term] = v * batch_ + s;
        step->term_weight[term] = v == 0 ? 1.f : 0.5f;
      }
      step->sequence_seed[s] = s;
      step->sequence_choice[s] = 0;
      step->sequence_position[s] = position;
      step->sequence_temperature[s] = 1;
      step->sequence_top_k[s] = 0;
      step->sequence_top_p[s] = 1;
      step->sequence_min_p[s] = 0;
      step->sequence_flags[s] = 0;
    }
    engine_.submit();
  }
  static ga_engine_config limits(const Case& c, int batch, int steps) {
    ga_engine_config e = {};
    e.struct_size = sizeof e;
    e.vocab_size = c.base.config->vocab_size;
    e.max_model_len = kContext + steps + 1;
    e.max_rows = e.max_lanes = e.max_terms = batch * (1 + c.num_adapters + int(c.arms.size()));
    e.max_sequences = batch;
    e.page_size = kPageSize;
    e.activations = GA_BF16;
    e.max_in_flight = kInFlight;
    return e;
  }
  int batch_, num_views_, num_set_views_, pages_;
  int64_t bytes_ = 0;
  Engine engine_;
};

void run(const BenchOptions& options, RandomBackend& backend, const Ones& ones, const Case& c, int batch) {
  const int steps = options.smoke ? 2 : 128, warm = options.smoke ? 1 : 8;
  const std::string named = std::string("{\"section\": \"step\", \"name\": \"") + c.name + "\", ";
  if (options.measured_before(named + "\"batch\": " + std::to_string(batch) + ",")) return;
  try {
    Steps steps_of(backend, ones, c, batch, steps + warm);
    const auto measure = [&](int in_flight) {
      const std::vector<double> us = steps_of.run(steps + warm, in_flight);
      return spread_of({us.begin() + warm, us.end()});
    };
    const Spread spread = measure(kInFlight), waited = measure(1);
    report(options,
           "\"section\": \"step\", \"name\": \"%s\", \"batch\": %d, \"ms\": %.4f, \"ms_low\": %.4f, \"ms_high\": %.4f, "
           "\"ms_one_in_flight\": %.4f, \"tokens_per_s\": %.1f, \"weight_gb\": %.3f, \"share\": %.3f",
           c.name, batch, spread.median / 1e3, spread.low / 1e3, spread.high / 1e3, waited.median / 1e3,
           batch * 1e6 / spread.median,
           double(steps_of.bytes()) / 1e9,
           options.ceiling > 0 ? double(steps_of.bytes()) / spread.median / 1e3 / options.ceiling : 0);
  } catch (const Error& error) {
    if (error.status != GA_OUT_OF_MEMORY) throw;
    report(options, "\"section\": \"step\", \"name\": \"%s\", \"batch\": %d, \"skipped\": \"does not fit\"", c.name, batch);
  }
}

}  // namespace
}  // namespace genarm::cuda

int main(int argc, char** argv) {
  using namespace genarm;
  using namespace genarm::cuda;
  const BenchOptions options(argc, argv);
  const ModelCase b1 = {&kLlama1B, Dtype::bf16}, b7 = {&kLlama7B, Dtype::bf16}, b8 = {&kLlama8B, Dtype::bf16},
                  b13 = {&kLlama13B, Dtype::bf16}, q70 = {&kLlama70B, Dtype::int4}, small = {&kSmoke, Dtype::bf16},
                  small4 = {&kSmoke, Dtype::int4};
  const std::vector<Case> cases = options.smoke
                                      ? std::vector<Case>{{"smoke + 2 LoRA + int4", small, 2, {small4}}}
                                      : std::vector<Case>{{"7B + LoRA", b7, 1, {}},
                                                          {"Llama-3.2-1B", b1, 0, {}},
                                                          {"7B + 7B", b7, 0, {b7}},
                                                          {"7B + 2 LoRA", b7, 2, {}},
                                                          {"70B int4 + 7B", q70, 0, {b7}},
                                                          {"8B + 1B", b8, 0, {b1}},
                                                          {"13B + 7B", b13, 0, {b7}}};
  RandomBackend backend;
  const Ones ones(options.smoke ? int64_t(1) << 20 : int64_t(3) << 30);
  for (const int batch : options.smoke ? std::vector<int>{2} : std::vector<int>{1, 8, 32, 128})
    for (const Case& c : cases)
      if (!options.out_of_time()) run(options, backend, ones, c, batch);
}
