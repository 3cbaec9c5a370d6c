// final_norm: x[n] = sum of scale[j] * rms_norm(hidden[row[j]]) * norm.
#include "backends.h"

using namespace genarm_test;

namespace {

constexpr float kEps = 1e-6f;

Floats run(Backend& backend, const Floats& hidden, const Floats& norm, const std::vector<int32_t>& first,
           const std::vector<int32_t>& row, const Floats& scale) {
  const int32_t num_x = int32_t(first.size()) - 1, size = int32_t(norm.size());
  const auto x = room(backend, size_t(num_x * size)), device_hidden = put(backend, hidden), device_norm = put(backend, norm),
             device_scale = put(backend, scale);
  const auto device_first = put(backend, first), device_row = put(backend, row);
  const FinalNormArgs args{x, device_hidden, device_norm, device_first, device_row, device_scale, kEps, num_x, size};
  backend.final_norm({&args, 1});
  return get(backend, x);
}

void rows_are_normed_scaled_and_added() {
  on_every_backend([](Backend& backend) {
    for (int32_t size : {1, 16, 67, 257}) {
      Random random{uint64_t(size)};
      const Floats hidden = random.floats(size_t(5 * size), 4), norm = random.floats(size_t(size));
      const std::vector<int32_t> first = {0, 1, 4, 4, 5}, row = {3, 0, 4, 0, 2};
      const Floats scale = {1, 1, -0.5f, 2, 0.25f};

      const Floats found = run(backend, hidden, norm, first, row, scale);

      for (size_t n = 0; n + 1 < first.size(); ++n) {
        Doubles expected(size_t(size), 0.0);
        for (int32_t j = first[n]; j < first[n + 1]; ++j) {
          const Doubles x = rms_norm(row_of(hidden, row[size_t(j)], size), norm, kEps);
          for (size_t k = 0; k < x.size(); ++k) expected[k] += double(scale[size_t(j)]) * x[k];
        }
        for (size_t k = 0; k < expected.size(); ++k) CHECK_NEAR(found[n * size_t(size) + k], expected[k], 2e-6);
      }
    }
  });
}

void every_instruction_set_and_number_of_threads_gives_the_same_bits() {
  Random random(1);
  const Floats hidden = random.floats(3 * 131), norm = random.floats(131);
  same_bits_on_every_backend([&](Backend& backend) {
    return run(backend, hidden, norm, {0, 2, 3}, {0, 2, 1}, {1, 1.5f, -2});
  });
}

void a_step_without_laws_computes_nothing() {
  on_every_backend([](Backend& backend) { CHECK(run(backend, {}, Floats(8, 1.0f), {0}, {}, {}).empty()); });
}

}  // namespace

int main() {
  return run_tests({
      TEST(rows_are_normed_scaled_and_added),
      TEST(every_instruction_set_and_number_of_threads_gives_the_same_bits),
      TEST(a_step_without_laws_computes_nothing),
  });
}
