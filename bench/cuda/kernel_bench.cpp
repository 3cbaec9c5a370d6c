// Every kernel of a decoding step at the shapes of known models, over cold memory: copies of what is read take turns until
// they are more than any cache holds.
#include "cuda/kernels.h"
#include "gpu_bench.h"
#include "shapes.h"

namespace genarm::cuda {
namespace {

constexpr size_t kColdBytes = size_t(512) << 20;

struct Bench {
  const BenchOptions& options;
  const char* model;
  Format format;
  stream_t stream;

  struct Weights {
    std::vector<DeviceMemory> copies;
    int64_t rows;
    int32_t columns;
    Format format;
    int64_t bytes;
    Weight operator[](int i) const { return {copies[size_t(i) % copies.size()].as<const void>(), nullptr, columns, format}; }
  };
  Weights weights(int64_t rows, int64_t columns) const {
    Weights w = {{}, rows, int32_t(columns), format, tiles_of(rows) * tile_bytes(columns, format)};
    const size_t count = options.smoke ? 1 : std::max<size_t>(2, kColdBytes / size_t(w.bytes) + 1);
    for (size_t i = 0; i < count; ++i) w.copies.push_back(random_memory(size_t(w.bytes), stream));
    return w;
  }
  template <class T>
  DeviceMemory kept(const std::vector<T>& values) const {
    DeviceMemory memory(values.size() * sizeof(T));
    copy_to_device(memory.as<void>(), values.data(), values.size() * sizeof(T), stream);
    return memory;
  }
  // products: of numbers, for a row; 0 where the kernel is no matrix product.
  template <class Make>
  void measure(const char* kernel, int rows, double bytes, size_t copies, const Make& make, double products = 0) const {
    const Spread us = time_us(options, stream, int(copies), make);
    const double rate = bytes / us.median / 1e3;
    report(options,
           "\"section\": \"kernel\", \"name\": \"%s\", \"model\": \"%s\", \"format\": \"%s\", \"rows\": %d, \"us\": %.2f, "
           "\"us_low\": %.2f, \"us_high\": %.2f, \"gb_per_s\": %.1f, \"share\": %.3f, \"tflops\": %.2f",
           kernel, model, format_name(), rows, us.median, us.low, us.high, rate,
           options.ceiling > 0 ? rate / options.ceiling : 0, 2 * products * rows / us.median / 1e6);
  }
  const char* format_name() const {
    const char* names[] = {"bf16", "f16", "int8", "int4", "int4 with zeros"};
    return names[int(format)];
  }
};

void project_of(const Bench& b, const char* name, int64_t rows, int64_t columns, int num_rows) {
  const Bench::Weights w = b.weights(rows, columns);
  const DeviceMemory x = random_memory(size_t(num_rows * columns) * 2, b.stream);
  const DeviceMemory hidden = random_memory(size_t(num_rows * rows) * 4, b.stream);
  b.measure(name, num_rows, double(w.bytes), w.copies.size(), [&](int i) {
    const ProjectProblem p = {hidden.as<float>(), rows, x.as<const bf16>(), columns, w[i], nullptr, nullptr, int32_t(rows),
                              int32_t(columns), num_rows};
    project(&p, 1, Order::overlaps_previous, b.stream);
  }, double(rows) * double(columns));
}

void gate_up_of(const Bench& b, const ga_model_config& c, int num_rows) {
  const Bench::Weights gate = b.weights(c.intermediate_size, c.hidden_size),
                       up = b.weights(c.intermediate_size, c.hidden_size);
  const DeviceMemory hidden = random_memory(size_t(num_rows) * size_t(c.hidden_size) * 4, b.stream);
  const DeviceMemory norm = random_memory(size_t(c.hidden_size) * 4, b.stream);
  const DeviceMemory out = random_memory(size_t(num_rows) * size_t(c.intermediate_size) * 2, b.stream);
  const DeviceMemory input(size_t(num_rows) * size_t(c.hidden_size) * sizeof(bf16));
  b.measure("gate_up", num_rows, 2 * double(gate.bytes), gate.copies.size(), [&](int i) {
    GateUpProblem p = {};
    p.out = out.as<bf16>();
    p.out_stride = c.intermediate_size;
    p.hidden = hidden.as<const float>();
    p.hidden_stride = p.columns = c.hidden_size;
    p.norm = norm.as<const float>();
    p.gate = gate[i];
    p.up = up[i];
    p.eps = c.rms_norm_eps;
    p.rows = c.intermediate_size;
    p.num_rows = num_rows;
    p.input = input.as<bf16>();
    gate_up(&p, 1, Order::overlaps_previous, b.stream);
  }, 2.0 * c.intermediate_size * c.hidden_size);
}

void lm_head_of(const Bench& b, const ga_model_config& c, int num_x) {
  const Bench::Weights w = b.weights(c.vocab_size, c.hidden_size);
  const DeviceMemory x = random_memory(size_t(num_x) * size_t(c.hidden_size) * 4, b.stream);
  const DeviceMemory candidates(size_t(num_x) * kHeadBlocks * sizeof(Candidate)), sampled(size_t(num_x) * 4), ticket(16);
  device_clear(ticket.as<void>(), 16, b.stream);
  std::vector<int32_t> first, row, zero(size_t(num_x), 0);
  std::vector<SamplingPlan> plans(static_cast<size_t>(num_x), SamplingPlan{});
  for (int i = 0; i <= num_x; ++i) first.push_back(i);
  for (int i = 0; i < num_x; ++i) row.push_back(i);
  for (SamplingPlan& plan : plans) {
    plan.temperature = plan.top_p = 1;
    plan.z_row = -1;
  }
  const DeviceMemory device_first = b.kept(first), device_row = b.kept(row), device_zero = b.kept(zero),
                     device_plan = b.kept(plans);
  b.measure("lm_head and draw", num_x, double(w.bytes), w.copies.size(), [&](int i) {
    LmHeadLaunch p = {};
    p.sampled = sampled.as<int32_t>();
    p.head[0] = {w[i], x.as<const bf16>(), c.hidden_size, nullptr, 0, c.hidden_size, num_x};
    p.num_heads = 1;
    p.first = device_first.as<const int32_t>();
    p.problem = device_zero.as<const int32_t>();
    p.x_row = device_row.as<const int32_t>();
    p.plan = device_plan.as<const SamplingPlan>();
    p.candidate = candidates.as<Candidate>();
    p.ticket = ticket.as<unsigned>();
    p.num_sequences = num_x;
    p.vocab_size = c.vocab_size;
    lm_head(p, Order::overlaps_previous, b.stream);
  });
}

// Rows that stand at position `context` - 1 of their own pages, pages of 64; or a prompt's, the last at that position.
struct Cached {
  static constexpr int kPage = 64;
  std::vector<DeviceMemory> copies;
  DeviceMemory position, table, pages, angles;
  int64_t bytes;

  Cached(const Bench& b, const ga_model_config& c, int num_rows, int context, bool prompt = false) {
    const int each = (context + kPage - 1) / kPage, num_lanes = prompt ? 1 : num_rows;
    std::vector<int32_t> positions, tables, all;
    for (int r = 0; r < num_rows; ++r) {
      positions.push_back(prompt ? context - num_rows + r : context - 1);
      tables.push_back(prompt ? 0 : r * each);
    }
    for (int i = 0; i < num_lanes * each; ++i) all.push_back(i);
    bytes = int64_t(num_lanes) * each * kPage * c.num_kv_heads * 2 * kv_stride(c.head_dim) * int64_t(sizeof(bf16));
    const size_t count = b.options.smoke ? 1 : std::max<size_t>(2, kColdBytes / size_t(bytes) + 1);
    for (size_t i = 0; i < count; ++i) copies.push_back(random_memory(size_t(bytes), b.stream));
    position = b.kept(positions);
    table = b.kept(tables);
    pages = b.kept(all);
    angles = random_memory(size_t(context) * size_t(c.head_dim) * 2, b.stream);
  }
  Places places() const { return {position.as<const int32_t>(), table.as<const int32_t>(), pages.as<const int32_t>()}; }
  KvPages pages_of(const ga_model_config& c, int i) const {
    return {copies[size_t(i) % copies.size()].as<bf16>(), kPage, c.num_kv_heads, c.head_dim};
  }
};

void qkv_of(const Bench& b, const ga_model_config& c, int num_rows) {
  const int64_t q = int64_t(c.num_heads) * c.head_dim;
  const Bench::Weights wq = b.weights(paired_rows(c.num_heads, c.head_dim), c.hidden_size);
  const Bench::Weights wk = b.weights(paired_rows(c.num_kv_heads, c.head_dim), c.hidden_size),
                       wv = b.weights(wk.rows, c.hidden_size);
  const DeviceMemory hidden = random_memory(size_t(num_rows) * size_t(c.hidden_size) * 4, b.stream);
  const DeviceMemory norm = random_memory(size_t(c.hidden_size) * 4, b.stream), out(size_t(num_rows) * size_t(q) * 4);
  const DeviceMemory input(size_t(num_rows) * size_t(c.hidden_size) * sizeof(bf16));
  const Cached cached(b, c, num_rows, Cached::kPage);
  b.measure("qkv", num_rows, double(wq.bytes + wk.bytes + wv.bytes), wq.copies.size(), [&](int i) {
    QkvProblem p = {};
    p.q = out.as<float>();
    p.q_stride = q;
    p.cache = cached.pages_of(c, i);
    p.hidden = hidden.as<const float>();
    p.hidden_stride = p.columns = c.hidden_size;
    p.norm = norm.as<const float>();
    p.q_weight = wq[i];
    p.k_weight = wk[i];
    p.v_weight = wv[i];
    p.rope_cos = p.rope_sin = cached.angles.as<const float>();
    p.places = cached.places();
    p.eps = c.rms_norm_eps;
    p.num_heads = c.num_heads;
    p.num_rows = num_rows;
    p.input = input.as<bf16>();
    qkv(&p, 1, Order::overlaps_previous, b.stream);
  }, double(c.num_heads + 2 * c.num_kv_heads) * c.head_dim * c.hidden_size);
}

void attention_of(const Bench& b, const ga_model_config& c, int num_rows, int context, bool prompt = false) {
  const int64_t width = int64_t(c.num_heads) * c.head_dim;
  const int max_blocks = (context + kAttentionBlock - 1) / kAttentionBlock;
  const Cached cached(b, c, num_rows, context, prompt);
  const DeviceMemory lane_first = b.kept(std::vector<int32_t>{0, num_rows});
  const DeviceMemory q = random_memory(size_t(num_rows * width) * 4, b.stream), out(size_t(num_rows * width) * 2);
  const DeviceMemory partial(size_t(attention_partials(num_rows, c.num_heads, c.head_dim, max_blocks)) * 4);
  const DeviceMemory ticket(size_t(num_rows * c.num_heads) * 4);
  device_clear(ticket.as<void>(), ticket.bytes(), b.stream);
  const std::string name = (prompt ? "attention of a prompt of " : "attention, context ") + std::to_string(context);
  b.measure(name.c_str(), num_rows, double(cached.bytes), cached.copies.size(), [&](int i) {
    AttentionProblem<bf16> p = {};
    p.out = out.as<bf16>();
    p.q = q.as<const float>();
    p.out_stride = p.q_stride = width;
    p.cache = cached.pages_of(c, i);
    p.places = cached.places();
    p.partial = partial.as<float>();
    p.ticket = ticket.as<unsigned>();
    p.num_heads = c.num_heads;
    p.num_rows = num_rows;
    if (prompt) {
      p.num_lanes = 1;
      p.lane_first = lane_first.as<const int32_t>();
    }
    attention(&p, 1, max_blocks, Order::overlaps_previous, b.stream);
  }, prompt ? double(width) * (2 * context - num_rows + 1) : 0);
}

// What a reward model's adapter of q and v costs beside the products that add it.
void shrink_of(const Bench& b, const ga_model_config& c, int num_rows) {
  constexpr int kRank = 16;
  const size_t bytes = size_t(kRank) * size_t(c.hidden_size) * 4;
  const DeviceMemory a = random_memory(2 * bytes, b.stream), u(size_t(2 * num_rows * kRank) * 4);
  const DeviceMemory hidden = random_memory(size_t(num_rows) * size_t(c.hidden_size) * 4, b.stream);
  const DeviceMemory norm = random_memory(size_t(c.hidden_size) * 4, b.stream),
                     rows(size_t(2 * num_rows) * sizeof(RowUpdate));
  b.measure("adapter of q and v", num_rows, double(2 * bytes), 64, [&](int) {
    LowRankUpdate updates[2] = {};
    for (int i = 0; i < 2; ++i) {
      updates[i].a = a.as<const float>() + i * kRank * c.hidden_size;
      updates[i].u = u.as<float>() + i * num_rows * kRank;
      updates[i].rows = rows.as<RowUpdate>() + i * num_rows;
      updates[i].rank = kRank;
      updates[i].num_rows = num_rows;
    }
    const LowRankInput input = {nullptr, nullptr, 0, hidden.as<const float>(), c.hidden_size, norm.as<const float>(),
                                c.rms_norm_eps, c.hidden_size};
    shrink(input, updates, 2, Order::overlaps_previous, b.stream);
  });
}

void run(const BenchOptions& options, const char* model, const ga_model_config& c, Format format, int rows,
         stream_t stream) {
  if (options.out_of_time()) return;
  const Bench b = {options, model, format, stream};
  gate_up_of(b, c, rows);
  project_of(b, "down_proj", c.hidden_size, c.intermediate_size, rows);
  qkv_of(b, c, rows);
  project_of(b, "o_proj", c.hidden_size, int64_t(c.num_heads) * c.head_dim, rows);
  if (rows <= 64) lm_head_of(b, c, rows);
  if (options.out_of_time()) return;
  for (const int context : options.smoke ? std::vector<int>{300} : std::vector<int>{256, 2048})
    attention_of(b, c, rows, context);
  if (rows > 32 || options.smoke) attention_of(b, c, std::max(rows, 70), std::max(rows, 70), true);
  shrink_of(b, c, rows);
}

}  // namespace
}  // namespace genarm::cuda

int main(int argc, char** argv) {
  using namespace genarm::cuda;
  const BenchOptions options(argc, argv);
  device_select(0);
  const stream_t stream = stream_create();
  if (options.smoke) {
    for (const Format format : {Format::bf16, Format::f16, Format::int8, Format::int4})
      run(options, "smoke", kSmoke, format, 1, stream);
    const Bench many = {options, "smoke", Format::bf16, stream};
    gate_up_of(many, kSmoke, 65);
    project_of(many, "o_proj", 64, 64, 65);
    qkv_of(many, kSmoke, 65);
  }
  for (const int rows : options.smoke ? std::vector<int>{} : std::vector<int>{1, 8, 2, 32, 128, 512}) {
    run(options, "7B", kLlama7B, Format::bf16, rows, stream);
    run(options, "1B", kLlama1B, Format::bf16, rows, stream);
    run(options, "70B", kLlama70B, Format::int4, rows, stream);
    run(options, "8B", kLlama8B, Format::bf16, rows, stream);
    run(options, "13B", kLlama13B, Format::bf16, rows, stream);
    run(options, "7B", kLlama7B, Format::int8, rows, stream);
  }
  stream_destroy(stream);
}
