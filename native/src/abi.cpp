// The door: handles, validation of what crosses it, exceptions turned into a status and a text.
#include <cstring>
#include <memory>
#include <string>

#include "cpu/affinity.h"
#include "door.h"
#include "model/engine.h"
#include "model/weights.h"

struct ga_weights {
  std::shared_ptr<genarm::Backend> backend;
  std::shared_ptr<genarm::WeightSet> set;
};
struct ga_adapter {
  std::shared_ptr<genarm::Backend> backend;
  std::shared_ptr<genarm::Adapter> adapter;
};
struct ga_engine {
  std::shared_ptr<genarm::Backend> backend;
  genarm::Engine engine;
};

using namespace genarm::door;

namespace {

// "cuda" or "cuda:N".
std::unique_ptr<genarm::Backend> open_other(const std::string& device) {
#ifdef GENARM_CUDA
  int index = 0, end = 0;
  if (device == "cuda") return genarm::open_cuda_backend(0);
  if (sscanf(device.c_str(), "cuda:%4d%n", &index, &end) == 1 && size_t(end) == device.size())
    return genarm::open_cuda_backend(index);
  genarm::fail(GA_DEVICE_ERROR, "device %s: expected cpu, cuda or cuda:N", device.c_str());
#else
  genarm::fail(GA_DEVICE_ERROR, "device %s: this build has cpu only", device.c_str());
#endif
}

}  // namespace

std::string& genarm::door::last_error() {
  static thread_local std::string text;
  return text;
}

int32_t ga_abi_version(void) { return GA_ABI_VERSION; }

const char* ga_last_error(void) { return last_error().c_str(); }

ga_status ga_device_open(const char* name, int32_t num_threads, ga_device** out) {
  return guard([&] {
    const std::string device = &there(name, "name");
    there(out, "out");
    REQUIRE(num_threads >= 0 && num_threads <= 1024, "num_threads must be in [0, 1024], got %d", num_threads);
    auto handle = std::make_unique<ga_device>();
    if (device.compare(0, 4, "cpu:") == 0) handle->cpus = genarm::cpu::parse_cpu_list(device.substr(4));
    const bool on_cpu = device == "cpu" || !handle->cpus.empty();
    handle->backend = on_cpu ? genarm::open_cpu_backend(num_threads, handle->cpus) : open_other(device);
    *out = handle.release();
  });
}

int32_t ga_cuda_count(void) {
  int32_t count = 0;
  guard([&] {
#ifdef GENARM_CUDA
    count = genarm::count_cuda_devices();
#else
    genarm::fail(GA_DEVICE_ERROR, "this build of the library has no CUDA");
#endif
  });
  return count;
}

ga_status ga_device_memory(ga_device* device, int64_t* free_bytes, int64_t* total_bytes) {
  return guard([&] {
    const genarm::DeviceBytes bytes = there(device, "device").backend->memory();
    there(free_bytes, "free_bytes") = bytes.free;
    there(total_bytes, "total_bytes") = bytes.total;
  });
}

void ga_device_close(ga_device* device) { delete device; }

ga_status ga_device_pin_thread(const ga_device* device) {
  return guard([&] {
    const ga_device& opened = there(device, "device");
    if (opened.cpus.empty()) return;
    const int error = genarm::cpu::pin_this_thread(opened.cpus.front());
    if (error != 0)
      genarm::fail(GA_DEVICE_ERROR, "a thread cannot be kept on CPU %d: %s", opened.cpus.front(), std::strerror(error));
  });
}

const char* ga_device_description(const ga_device* device) {
  return device == nullptr ? "" : device->backend->description().c_str();
}

ga_status ga_file_open(const char* path, ga_file** out) {
  return guard([&] {
    there(path, "path");
    there(out, "out");
    *out = new ga_file{genarm::MappedFile(path)};
  });
}

void ga_file_close(ga_file* file) { delete file; }

int64_t ga_file_size(const ga_file* file) { return file == nullptr ? 0 : file->file.size(); }

ga_status ga_file_read(const ga_file* file, int64_t offset, int64_t bytes, void* out) {
  return guard([&] {
    const uint8_t* data = there(file, "file").file.range(offset, bytes);
    if (bytes == 0) return;
    REQUIRE(out != nullptr, "out is null");
    memcpy(out, data, size_t(bytes));
  });
}

ga_status ga_weights_create(ga_device* device, const ga_model_config* config, const float* inv_freq,
                            const int32_t* windows, int32_t dtype, ga_weights** out) {
  return guard([&] {
    std::shared_ptr<genarm::Backend> backend = there(device, "device").backend;
    const ga_model_config& checked = checked_struct(config, "config");
    there(inv_freq, "inv_freq");
    there(windows, "windows");
    there(out, "out");
    auto set = std::make_shared<genarm::WeightSet>(*backend, checked, inv_freq, windows, dtype);
    *out = new ga_weights{std::move(backend), std::move(set)};
  });
}

void ga_weights_close(ga_weights* weights) { delete weights; }

ga_status ga_weights_load(ga_weights* weights, const char* name, int32_t dtype, const int64_t* shape, int32_t rank,
                          const ga_file* file, int64_t offset, int64_t bytes) {
  return guard([&] {
    there(weights, "weights").set->load(stored(file, name, dtype, shape, rank, offset, bytes));
  });
}

static genarm::FileRange range(const ga_range& given) {
  return {given.file ? &given.file->file : nullptr, given.offset, given.bytes};
}

ga_status ga_weights_load_gptq(ga_weights* weights, const char* module, const ga_gptq* gptq) {
  return guard([&] {
    const ga_gptq& g = checked_struct(gptq, "gptq");
    there(weights, "weights").set->load_gptq({&there(module, "module"), g.group_size, g.zero_offset, range(g.qweight),
                                              range(g.qzeros), range(g.scales), range(g.g_idx)});
  });
}

ga_status ga_weights_finish(ga_weights* weights) {
  return guard([&] { there(weights, "weights").set->finish(); });
}

int64_t ga_weights_bytes(const ga_weights* weights) { return weights == nullptr ? 0 : weights->set->bytes(); }

ga_status ga_adapter_create(ga_weights* weights, int32_t num_objectives, ga_adapter** out) {
  return guard([&] {
    ga_weights& w = there(weights, "weights");
    there(out, "out");
    *out = new ga_adapter{w.backend, std::make_shared<genarm::Adapter>(w.set, num_objectives)};
  });
}

void ga_adapter_close(ga_adapter* adapter) { delete adapter; }

ga_status ga_adapter_load(ga_adapter* adapter, const char* module, const char* part, int32_t dtype,
                          const int64_t* shape, int32_t rank, const ga_file* file, int64_t offset, int64_t bytes) {
  return guard([&] {
    const std::string name = std::string(&there(module, "module")) + " " + &there(part, "part");
    there(adapter, "adapter").adapter->load(module, part, stored(file, name.c_str(), dtype, shape, rank, offset, bytes));
  });
}

ga_status ga_adapter_scale(ga_adapter* adapter, const char* module, float scale) {
  return guard([&] { there(adapter, "adapter").adapter->scale(&there(module, "module"), scale); });
}

ga_status ga_adapter_finish(ga_adapter* adapter) {
  return guard([&] { there(adapter, "adapter").adapter->finish(); });
}

int64_t ga_adapter_bytes(const ga_adapter* adapter) { return adapter == nullptr ? 0 : adapter->adapter->bytes(); }

ga_status ga_engine_create(ga_device* device, const ga_engine_config* config, ga_engine** out) {
  return guard([&] {
    std::shared_ptr<genarm::Backend> backend = there(device, "device").backend;
    const ga_engine_config& checked = checked_struct(config, "config");
    there(out, "out");
    *out = new ga_engine{backend, genarm::Engine(*backend, checked)};
  });
}

void ga_engine_close(ga_engine* engine) { delete engine; }

ga_status ga_engine_add_view(ga_engine* engine, ga_weights* weights, int32_t num_pages) {
  return guard([&] { there(engine, "engine").engine.add_view(there(weights, "weights").set, nullptr, num_pages); });
}

ga_status ga_engine_add_adapter_view(ga_engine* engine, ga_weights* weights, ga_adapter* adapter, int32_t num_pages) {
  return guard([&] {
    there(engine, "engine")
        .engine.add_view(there(weights, "weights").set, there(adapter, "adapter").adapter, num_pages);
  });
}

ga_status ga_engine_start(ga_engine* engine) {
  return guard([&] { there(engine, "engine").engine.start(); });
}

ga_step* ga_engine_step_buffer(ga_engine* engine) {
  return engine == nullptr ? nullptr : engine->engine.step_buffer();
}

ga_status ga_engine_step(ga_engine* engine) {
  return guard([&] { there(engine, "engine").engine.step(); });
}

ga_status ga_engine_submit(ga_engine* engine) {
  return guard([&] { there(engine, "engine").engine.submit(); });
}

ga_status ga_engine_collect(ga_engine* engine) {
  return guard([&] { there(engine, "engine").engine.collect(); });
}

ga_status ga_engine_law(ga_engine* engine, int32_t sequence, float* out) {
  return guard([&] { there(engine, "engine").engine.law(sequence, &there(out, "out")); });
}

ga_status ga_engine_component(ga_engine* engine, int32_t sequence, int32_t term, float* out) {
  return guard([&] { there(engine, "engine").engine.component(sequence, term, &there(out, "out")); });
}

ga_status ga_engine_logits(ga_engine* engine, int32_t sequence, float* out) {
  return guard([&] { there(engine, "engine").engine.logits(sequence, &there(out, "out")); });
}

int64_t ga_engine_bytes(const ga_engine* engine) { return engine == nullptr ? 0 : engine->engine.bytes(); }

const char* ga_operation_name(int32_t operation) {
  return operation < 0 || operation >= genarm::kNumOperations ? nullptr : genarm::kOperationNames[operation];
}

ga_status ga_engine_profile(ga_engine* engine, int32_t max_events) {
  return guard([&] { there(engine, "engine").engine.profile(max_events); });
}

const ga_profile_log* ga_engine_profile_log(ga_engine* engine) {
  return engine == nullptr ? nullptr : engine->engine.profile_log();
}
