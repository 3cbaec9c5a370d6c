// log_softmax in place, against its definition in double.
#include "fixture.h"

namespace genarm::cuda {
namespace {

void check_rows(const std::vector<float>& before, const std::vector<float>& result, int num_rows, int size) {
  for (int r = 0; r < num_rows; ++r) {
    double top = -INFINITY, mass = 0;
    for (int v = 0; v < size; ++v) top = std::max(top, double(before[size_t(r * size + v)]));
    for (int v = 0; v < size; ++v) mass += std::exp(double(before[size_t(r * size + v)]) - top);
    for (int v = 0; v < size; ++v) {
      const double expected = double(before[size_t(r * size + v)]) - top - std::log(mass);
      check_near(result[size_t(r * size + v)], expected, 3e-7 * std::fabs(expected) + 2e-6, "z", r, v);
    }
  }
  for (size_t i = size_t(num_rows * size); i < result.size(); ++i) CHECK(result[i] == 7);
}

void is_right_on_odd_sizes() {
  for (const int size : {1, 5, 1023, 1025, 4101}) {
    std::vector<float> values = random_floats(size_t(3 * size) + 2, unsigned(size), 5);
    values[values.size() - 1] = values[values.size() - 2] = 7;
    const Array<float> z(values);
    Stream stream;

    log_softmax({z.data(), 3, size}, Order::after_previous, stream);
    stream_sync(stream);

    check_rows(values, z.get(), 3, size);
  }
}

void large_logits_keep_their_digits() {
  std::vector<float> values = {30000, 29999.5f, 29990, 20000};
  const Array<float> z(values);
  Stream stream;

  log_softmax({z.data(), 1, 4}, Order::after_previous, stream);
  stream_sync(stream);

  check_rows(values, z.get(), 1, 4);
}

void a_row_without_mass_is_left_alone() {
  const Array<float> z(1030, -INFINITY);
  Stream stream;

  log_softmax({z.data(), 1, 1030}, Order::after_previous, stream);
  stream_sync(stream);

  for (const float value : z.get()) CHECK(value == -INFINITY);
}

void follows_a_projection_that_it_overlaps() {
  std::vector<float> values = random_floats(2 * 48, 3);
  for (int v = 48; v < 96; ++v) values[size_t(v)] -= 90;
  const Array<float> z(values);
  const AddEight add(1, 48);
  Stream stream;

  add.run(z.data(), 48, stream);
  log_softmax({z.data(), 1, 96}, Order::overlaps_previous, stream);
  stream_sync(stream);

  for (int v = 0; v < 48; ++v) values[size_t(v)] += 8;
  check_rows(values, z.get(), 1, 96);
}

}  // namespace
}  // namespace genarm::cuda

int main(int argc, char** argv) {
  using namespace genarm::cuda;
  return run_cases(argc, argv,
                   {{"is_right_on_odd_sizes", is_right_on_odd_sizes},
                    {"large_logits_keep_their_digits", large_logits_keep_their_digits},
                    {"a_row_without_mass_is_left_alone", a_row_without_mass_is_left_alone},
                    {"follows_a_projection_that_it_overlaps", follows_a_projection_that_it_overlaps}});
}
