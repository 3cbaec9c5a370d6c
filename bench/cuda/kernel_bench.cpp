// Every product of a layer and the LM head at the shapes of known models, over cold weights: copies of a weight take
// turns until they are more than any cache holds.
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
    int32_t columns;
    Format format;
    int64_t bytes;
    Weight operator[](int i) const { return {copies[size_t(i) % copies.size()].as<const void>(), nullptr, columns, format}; }
  };
  Weights weights(int64_t rows, int64_t columns) const {
    Weights w = {{}, int32_t(columns), format, tiles_of(rows) * tile_bytes(columns, format)};
    const size_t count = options.smoke ? 1 : std::max<size_t>(2, kColdBytes / size_t(w.bytes) + 1);
    for (size_t i = 0; i < count; ++i) w.copies.push_back(random_memory(size_t(w.bytes), stream));
    return w;
  }
  template <class Make>
  void measure(const char* kernel, int rows, double bytes, size_t copies, const Make& make) const {
    const Spread us = time_us(options, stream, int(copies), make);
    const double rate = bytes / us.median / 1e3;
    report(options,
           "\"section\": \"kernel\", \"name\": \"%s\", \"model\": \"%s\", \"format\": \"%s\", \"rows\": %d, \"us\": %.2f, "
           "\"us_low\": %.2f, \"us_high\": %.2f, \"gb_per_s\": %.1f, \"share\": %.3f",
           kernel, model, format_name(), rows, us.median, us.low, us.high, rate, options.ceiling > 0 ? rate / options.ceiling : 0);
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
    const ProjectProblem p = {hidden.as<float>(), rows, x.as<const bf16>(), columns, w[i], nullptr, int32_t(rows), int32_t(columns),
                              num_rows};
    project(&p, 1, Order::overlaps_previous, b.stream);
  });
}

void gate_up_of(const Bench& b, const ga_model_config& c, int num_rows) {
  const Bench::Weights gate = b.weights(c.intermediate_size, c.hidden_size), up = b.weights(c.intermediate_size, c.hidden_size);
  const DeviceMemory hidden = random_memory(size_t(num_rows) * size_t(c.hidden_size) * 4, b.stream);
  const DeviceMemory norm = random_memory(size_t(c.hidden_size) * 4, b.stream);
  const DeviceMemory out = random_memory(size_t(num_rows) * size_t(c.intermediate_size) * 2, b.stream);
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
    gate_up(&p, 1, Order::overlaps_previous, b.stream);
  });
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
  const auto kept = [&](const void* data, size_t bytes) {
    DeviceMemory memory(bytes);
    copy_to_device(memory.as<void>(), data, bytes, b.stream);
    return memory;
  };
  const DeviceMemory device_first = kept(first.data(), first.size() * 4), device_row = kept(row.data(), row.size() * 4);
  const DeviceMemory device_zero = kept(zero.data(), zero.size() * 4);
  const DeviceMemory device_plan = kept(plans.data(), plans.size() * sizeof(SamplingPlan));
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

void run(const BenchOptions& options, const char* model, const ga_model_config& c, Format format, stream_t stream) {
  const Bench b = {options, model, format, stream};
  for (const int rows : {1, 2, 8, 32}) {
    if (options.out_of_time()) return;
    project_of(b, "o_proj", c.hidden_size, int64_t(c.num_heads) * c.head_dim, rows);
    project_of(b, "down_proj", c.hidden_size, c.intermediate_size, rows);
    gate_up_of(b, c, rows);
    lm_head_of(b, c, rows);
    if (options.smoke) return;
  }
}

}  // namespace
}  // namespace genarm::cuda

int main(int argc, char** argv) {
  using namespace genarm::cuda;
  const BenchOptions options(argc, argv);
  device_select(0);
  const stream_t stream = stream_create();
  if (options.smoke) {
    for (const Format format : {Format::bf16, Format::f16, Format::int8, Format::int4}) run(options, "smoke", kSmoke, format, stream);
  } else {
    run(options, "7B", kLlama7B, Format::bf16, stream);
    run(options, "1B", kLlama1B, Format::bf16, stream);
    run(options, "70B", kLlama70B, Format::int4, stream);
    run(options, "7B", kLlama7B, Format::int8, stream);
    run(options, "8B", kLlama8B, Format::bf16, stream);
    run(options, "13B", kLlama13B, Format::bf16, stream);
  }
  stream_destroy(stream);
}
