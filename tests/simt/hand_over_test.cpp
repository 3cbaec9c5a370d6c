// hand_over and the ring: every step's tokens come to the host, in order, without a wait for the stream.
#include "cuda/token_ring.h"
#include "error.h"
#include "fixture.h"

namespace genarm::cuda {
namespace {

std::vector<int32_t> tokens_of(int step, int count) {
  std::vector<int32_t> tokens;
  for (int i = 0; i < count; ++i) tokens.push_back(step * 1000 + i - (i % 5 == 0 ? 2000 : 0));
  return tokens;
}

// More tokens than the block has threads, one, and none.
void tokens_arrive() {
  for (const int count : {300, 1, 0}) {
    Stream stream;
    TokenRing ring(300, stream);
    const std::vector<int32_t> tokens = tokens_of(3, count);
    const Array<int32_t> device(tokens);
    std::vector<int32_t> received(size_t(count) + 1, -9);

    ring.send(device.data(), count);
    ring.receive(received.data(), count);

    CHECK(std::equal(tokens.begin(), tokens.end(), received.begin()) && received.back() == -9);
  }
}

// As many steps in flight as the ring holds, several times round it.
void steps_are_received_in_order() {
  Stream stream;
  TokenRing ring(7, stream);
  std::vector<std::unique_ptr<Array<int32_t>>> steps;
  for (int i = 0; i < 20; ++i) steps.push_back(std::make_unique<Array<int32_t>>(tokens_of(i, 7)));
  int sent = 0;

  for (int received = 0; received < 20; ++received) {
    for (; sent < 20 && sent < received + int(kRingSteps); ++sent) ring.send(steps[size_t(sent)]->data(), 7);
    std::vector<int32_t> tokens(7);
    ring.receive(tokens.data(), 7);
    CHECK(tokens == tokens_of(received, 7));
  }
}

// The kernel before still writes what is handed over.
void follows_a_kernel_that_it_overlaps() {
  Stream stream;
  TokenRing ring(40, stream);
  const Array<float> hidden(40, -8.0f);
  const AddEight add(1, 40);
  std::vector<int32_t> received(40, -9);

  add.run(hidden.data(), 40, stream);
  ring.send(reinterpret_cast<const int32_t*>(hidden.data()), 40);
  ring.receive(received.data(), 40);

  CHECK(received == std::vector<int32_t>(40, 0));  // the bits of 0.0f
}

void too_much_is_refused() {
  Stream stream;
  TokenRing ring(2, stream);
  const Array<int32_t> tokens(3, 1);
  std::vector<int32_t> out(3);
  const auto message = [](const std::function<void()>& call) -> std::string {
    try {
      call();
    } catch (const Error& error) {
      return error.what();
    }
    return "";
  };

  CHECK(message([&] { ring.send(tokens.data(), 3); }) == "a step hands over 3 tokens, the ring holds 2");
  CHECK(message([&] { ring.receive(out.data(), 1); }) == "no step is in flight");
  for (unsigned i = 0; i < kRingSteps; ++i) ring.send(tokens.data(), 2);
  CHECK(message([&] { ring.send(tokens.data(), 2); }) == "8 steps are in flight, the ring holds as many");
  stream_sync(stream);
}

}  // namespace
}  // namespace genarm::cuda

int main(int argc, char** argv) {
  using namespace genarm::cuda;
  return run_cases(argc, argv,
                   {{"tokens_arrive", tokens_arrive},
                    {"steps_are_received_in_order", steps_are_received_in_order},
                    {"follows_a_kernel_that_it_overlaps", follows_a_kernel_that_it_overlaps},
                    {"too_much_is_refused", too_much_is_refused}});
}
