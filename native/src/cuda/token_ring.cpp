#include "cuda/token_ring.h"

#include <algorithm>
#include <cstring>

#include "error.h"

namespace genarm::cuda {

TokenRing::TokenRing(int32_t max_tokens, stream_t stream)
    : stream_(stream), slot_words_(max_tokens + 1), memory_(size_t(kRingSteps) * size_t(max_tokens + 1) * sizeof(unsigned)),
      num_steps_(sizeof(unsigned)) {
  memset(memory_.as<unsigned>(), 0, memory_.bytes());
  device_clear(num_steps_.as<void>(), num_steps_.bytes(), stream);
}

void TokenRing::send(const int32_t* tokens, int32_t count) {
  REQUIRE(count <= max_tokens(), "a step hands over %d tokens, the ring holds %d", count, max_tokens());
  REQUIRE(sent_ - received_ < kRingSteps, "%u steps are in flight, the ring holds as many", kRingSteps);
  hand_over({memory_.on_device<unsigned>(), num_steps_.as<unsigned>(), tokens, slot_words_, count}, Order::overlaps_previous,
            stream_);
  ++sent_;
}

void TokenRing::receive(int32_t* tokens, int32_t count) {
  REQUIRE(sent_ != received_, "no step is in flight");
  ++received_;
  const unsigned* slot = memory_.as<unsigned>() + int64_t(received_ % kRingSteps) * slot_words_;
  wait_for_word(slot, received_, stream_);
  memcpy(tokens, slot + 1, size_t(count) * sizeof(int32_t));
}

}  // namespace genarm::cuda
