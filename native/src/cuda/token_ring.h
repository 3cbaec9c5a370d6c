// How tokens reach the host: a ring in host memory that the device writes. Host C++.
#pragma once

#include <cstdint>

#include "backend.h"
#include "cuda/cuda_matrix.h"
#include "cuda/runtime.h"
#include "genarm.h"

namespace genarm::cuda {

constexpr unsigned kRingSteps = GA_MAX_IN_FLIGHT;  // steps that may be in flight

// A step's tokens and where they go.
struct HandOver {
  unsigned* ring;        // [kRingSteps][slot_words]: the step's number, then its tokens
  unsigned* num_steps;   // steps handed over so far, on the device
  const int32_t* tokens; // [count]
  int32_t slot_words, count;
};

void hand_over(const HandOver& tokens, Order order, stream_t stream);

class TokenRing final : public TokenLine {
 public:
  // max_tokens: of a step.
  TokenRing(int32_t max_tokens, stream_t stream);
  TokenRing(const TokenRing&) = delete;
  TokenRing& operator=(const TokenRing&) = delete;

  int32_t max_tokens() const { return slot_words_ - 1; }

  // In order with the stream's kernels. At most kRingSteps sends are not yet received.
  void send(const int32_t* tokens, int32_t count) override;
  // Those that were sent first of what was not received; waits for them alone. Throws where the device has failed.
  void receive(int32_t* tokens, int32_t count) override;

 private:
  stream_t stream_;
  int32_t slot_words_;
  HostMemory memory_;
  DeviceMemory num_steps_;
  unsigned sent_ = 0, received_ = 0;
};

}  // namespace genarm::cuda
