// log_softmax: z[r] = z[r] - log sum exp z[r], in place.
#include <limits>

#include "backends.h"

using namespace genarm_test;

namespace {

Floats run(Backend& backend, const Floats& z, int32_t rows) {
  const auto device_z = put(backend, z);
  backend.log_softmax({device_z, rows, int32_t(z.size()) / (rows > 0 ? rows : 1)});
  return get(backend, device_z);
}

void rows_become_log_probabilities() {
  on_every_backend([](Backend& backend) {
    for (int32_t vocab : {1, 3, 257, 5000}) {
      Random random{uint64_t(vocab)};
      Floats z = random.floats(size_t(4 * vocab), 30);
      const Floats found = run(backend, z, 4);
      for (int32_t r = 0; r < 4; ++r) {
        const Doubles row = row_of(z, r, vocab);
        double sum = 0;
        for (double v : row) sum += std::exp(v);
        for (int32_t v = 0; v < vocab; ++v) CHECK_NEAR(found[size_t(r * vocab + v)], row[size_t(v)] - std::log(sum), 1e-5);
      }
    }
  });
}

void large_logits_do_not_overflow_and_excluded_tokens_stay_out() {
  on_every_backend([](Backend& backend) {
    const float out = -std::numeric_limits<float>::infinity();
    const Floats found = run(backend, {1000, 1001, out, 500}, 1);
    CHECK_NEAR(found[1], -std::log1p(std::exp(-1.0)), 1e-6);
    CHECK_NEAR(found[0], -1 - std::log1p(std::exp(-1.0)), 1e-6);
    CHECK(found[2] == out);
    CHECK_NEAR(found[3], -501.3132616875, 1e-4);
  });
}

void many_equal_logits_keep_their_digits() {
  on_every_backend([](Backend& backend) {
    const Floats found = run(backend, Floats(128256, 3.0f), 1);
    CHECK_NEAR(found[128255], -std::log(128256.0), 1e-6);
  });
}

void every_instruction_set_and_number_of_threads_gives_the_same_bits() {
  Random random(8);
  const Floats z = random.floats(3 * 1500, 10);
  same_bits_on_every_backend([&](Backend& backend) { return run(backend, z, 3); });
}

}  // namespace

int main() {
  return run_tests({
      TEST(rows_become_log_probabilities),
      TEST(large_logits_do_not_overflow_and_excluded_tokens_stay_out),
      TEST(many_equal_logits_keep_their_digits),
      TEST(every_instruction_set_and_number_of_threads_gives_the_same_bits),
  });
}
