// Steps as CUDA graphs: a step that was captured before is one launch. Host C++.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "cuda/runtime.h"
#include "cuda/step_record.h"

namespace genarm::cuda {

class StepGraphs {
 public:
  explicit StepGraphs(stream_t stream) : stream_(stream) {}
  ~StepGraphs();
  StepGraphs(const StepGraphs&) = delete;
  StepGraphs& operator=(const StepGraphs&) = delete;

  // Runs the launches that `operations` asks for, as a graph; nothing of them where it throws.
  void run(const std::function<void()>& operations);

  // Within `operations`, before memory that they use moves: makes what was asked for so far; the rest of the step goes
  // without a graph.
  void make_now();

  int64_t num_captured() const { return num_captured_; }
  int64_t num_replayed() const { return num_replayed_; }

  // Graphs that are kept; of more, the one that was not used for longest goes.
  static constexpr size_t kMost = 64;

 private:
  struct Entry {
    StepRecord record;
    graph_t graph;
    int64_t last_used;
  };
  graph_t find();

  stream_t stream_;
  StepRecord now_;
  std::vector<Entry> entries_;
  int64_t num_captured_ = 0, num_replayed_ = 0, clock_ = 0;
};

}  // namespace genarm::cuda
