#include "cuda/step_graphs.h"

#include <algorithm>

namespace genarm::cuda {
namespace {

struct Recording {
  explicit Recording(StepRecord& record) {
    record.clear();
    recording = &record;
  }
  ~Recording() { recording = nullptr; }
};

}  // namespace

StepGraphs::~StepGraphs() {
  for (const Entry& entry : entries_) graph_destroy(entry.graph);
}

graph_t StepGraphs::find() {
  ++clock_;
  for (Entry& entry : entries_) {
    if (!(entry.record == now_)) continue;
    entry.last_used = clock_;
    ++num_replayed_;
    return entry.graph;
  }
  if (entries_.size() == kMost) {
    const auto oldest = std::min_element(entries_.begin(), entries_.end(),
                                         [](const Entry& a, const Entry& b) { return a.last_used < b.last_used; });
    stream_sync(stream_);  // it may be running
    graph_destroy(oldest->graph);
    entries_.erase(oldest);
  }
  entries_.push_back({now_, capture(stream_, [this] { now_.issue(stream_); }), clock_});
  ++num_captured_;
  return entries_.back().graph;
}

void StepGraphs::run(const std::function<void()>& operations) {
  {
    const Recording until_asked(now_);
    operations();
  }
  if (!now_.empty()) graph_launch(find(), stream_);
}

void StepGraphs::make_now() {
  if (recording != &now_) return;
  recording = nullptr;
  now_.issue(stream_);
  now_.clear();
}

}  // namespace genarm::cuda
