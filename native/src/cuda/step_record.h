// The launches of a step, written down: what is asked for, before it is done. Two steps whose records are the same do
// the same to the same memory, so one captured graph serves both; what lies in that memory (tokens, positions, pages,
// weights, temperatures) may differ.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <vector>

#include "cuda/stream.h"

namespace genarm::cuda {

class StepRecord {
 public:
  // Makes a launch of `parameters`.
  using Issue = void (*)(const void* parameters, stream_t stream);

  void clear() {
    launches_.clear();
    used_ = 0;
  }
  bool empty() const { return launches_.empty(); }
  size_t size() const { return launches_.size(); }

  // Room for the parameters of the next launch, zeroed: bytes between them compare equal.
  void* add(Issue issue, size_t bytes) {
    const size_t words = (bytes + sizeof(Word) - 1) / sizeof(Word);
    if (used_ + words > parameters_.size()) parameters_.resize(2 * (used_ + words));
    launches_.push_back({issue, used_});
    void* room = &parameters_[used_];
    memset(room, 0, words * sizeof(Word));
    used_ += words;
    return room;
  }

  void issue(stream_t stream) const {
    for (const Launch& each : launches_) each.issue(&parameters_[each.at], stream);
  }

  friend bool operator==(const StepRecord& a, const StepRecord& b) {
    return a.launches_ == b.launches_ && a.used_ == b.used_ &&
           memcmp(a.parameters_.data(), b.parameters_.data(), a.used_ * sizeof(Word)) == 0;
  }

 private:
  using Word = std::max_align_t;
  struct Launch {
    Issue issue;
    size_t at;
    friend bool operator==(const Launch& a, const Launch& b) { return a.issue == b.issue && a.at == b.at; }
  };
  std::vector<Launch> launches_;
  std::vector<Word> parameters_;
  size_t used_ = 0;  // words of parameters_
};

// Where launches of this thread are written down instead of made; null: nowhere.
inline thread_local StepRecord* recording = nullptr;

}  // namespace genarm::cuda
