// The host's step description: its arrays, its check, and its copy in the order in which the device reads it.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "backend.h"
#include "genarm.h"

namespace genarm {

// The arrays behind ga_step, in host memory, sized by the engine's limits.
class StepArrays {
 public:
  explicit StepArrays(const ga_engine_config& limits);
  ga_step* buffer() { return &step_; }
  const ga_step& step() const { return step_; }

 private:
  template <class T>
  T* take(int64_t size);

  ga_step step_{};
  std::vector<std::vector<int64_t>> blocks_;
};

// What the check needs to know of a view.
struct ViewLimits {
  int32_t num_pages;   // of its weight set's pool
  int32_t vocab_size;  // ids that its embedding has
  int32_t num_objectives;  // of its adapter's preference vector
};

// Totals of a step that passed the check.
struct StepTotals {
  int32_t rows = 0, terms = 0, components = 0, biases = 0;
};

// num_drawn: sequences of the step before, whose tokens rows may stand for. Throws Error{GA_INVALID_ARGUMENT} naming the
// first value out of range.
StepTotals check_step(const ga_step& step, const ga_engine_config& limits, const std::vector<ViewLimits>& views,
                      int32_t num_drawn);

// Where the host has what the plan tells the device.
struct PlanTwin {
  const uint8_t *host, *device;
  template <class T>
  const T* of(const T* on_device) const {
    return reinterpret_cast<const T*>(host + (reinterpret_cast<const uint8_t*>(on_device) - device));
  }
};

// Host memory that is filled anew each step and copied to its twin on the device in one piece. The device reads the host's
// when the step's turn comes, so each step in flight has its own.
class PlanArena {
 public:
  PlanArena(Backend& backend, size_t bytes, int32_t max_in_flight);

  // in_flight: steps whose plans are to stay as they are.
  void reset(int32_t in_flight) {
    turn_ = in_flight == 0 ? 0 : (turn_ + 1) % hosts_.size();
    used_ = 0;
  }

  // Room for `size` values; `device` receives the address at which the device will find them.
  template <class T>
  T* take(int64_t size, const T** device) {
    const size_t start = reserve(size_t(size) * sizeof(T));
    *device = reinterpret_cast<const T*>(device_->as<uint8_t>() + start);
    return reinterpret_cast<T*>(hosts_[turn_]->as<uint8_t>() + start);
  }

  void upload() { backend_.upload_later(device_->data, hosts_[turn_]->data, used_); }
  size_t bytes() const { return device_->bytes; }
  // While no step is in flight.
  PlanTwin twin() const { return {hosts_.front()->as<uint8_t>(), device_->as<uint8_t>()}; }

 private:
  size_t reserve(size_t bytes);

  Backend& backend_;
  std::vector<std::unique_ptr<Buffer>> hosts_;
  std::unique_ptr<Buffer> device_;
  size_t turn_ = 0, used_ = 0;
};

}  // namespace genarm
