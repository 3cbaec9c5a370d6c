// final_norm: x = sum of scale * rms_norm(hidden) * norm as two bf16 rows, against its definition in double.
#include "cuda/fragments.h"
#include "cuda/kernels.h"
#include "harness.h"

namespace genarm::cuda {
namespace {

constexpr float kEps = 1e-5f;
constexpr uint16_t kUntouched = 0x4321;

struct Problem {
  int hidden_size;
  int64_t x_stride, hidden_stride;
  std::vector<int32_t> first, row;
  std::vector<float> scale, hidden, norm;
  Array<uint16_t> x;
  Array<int32_t> device_first, device_row;
  Array<float> device_scale, device_hidden, device_norm;

  // terms[n]: the rows of hidden that x[n] sums.
  Problem(int size, const std::vector<std::vector<int32_t>>& terms, int num_rows, unsigned seed)
      : hidden_size(size), x_stride(size + 5), hidden_stride(size + 3), first(starts(terms)), row(flat(terms)),
        scale(random_floats(row.size(), seed, 2)), hidden(padded(num_rows, size, hidden_stride, seed + 1)),
        norm(random_floats(size_t(size), seed + 2)), x(terms.size() * 2 * size_t(x_stride), kUntouched), device_first(first),
        device_row(row), device_scale(scale), device_hidden(hidden), device_norm(norm) {}

  static std::vector<int32_t> starts(const std::vector<std::vector<int32_t>>& terms) {
    std::vector<int32_t> result = {0};
    for (const auto& each : terms) result.push_back(result.back() + int32_t(each.size()));
    return result;
  }
  static std::vector<int32_t> flat(const std::vector<std::vector<int32_t>>& terms) {
    std::vector<int32_t> result;
    for (const auto& each : terms) result.insert(result.end(), each.begin(), each.end());
    return result;
  }
  static std::vector<float> padded(int num_rows, int size, int64_t stride, unsigned seed) {
    std::vector<float> values = random_floats(size_t(num_rows * stride), seed, 3);
    for (int r = 0; r < num_rows; ++r)
      for (int64_t c = size; c < stride; ++c) values[size_t(r * stride + c)] = NAN;
    return values;
  }

  FinalNormProblem arguments() const {
    return {reinterpret_cast<bf16*>(x.data()), x_stride, device_hidden.data(), hidden_stride, device_norm.data(),
            device_first.data(), device_row.data(), device_scale.data(), kEps, int(first.size()) - 1, hidden_size};
  }

  void check(const std::vector<float>& hidden_now) const {
    const std::vector<uint16_t> result = x.get();
    for (size_t n = 0; n + 1 < first.size(); ++n) {
      std::vector<double> expected(size_t(hidden_size), 0), size(size_t(hidden_size), 0);
      for (int j = first[n]; j < first[n + 1]; ++j) {
        const float* h = &hidden_now[size_t(row[size_t(j)] * hidden_stride)];
        double squares = 0;
        for (int i = 0; i < hidden_size; ++i) squares += double(h[i]) * h[i];
        for (int i = 0; i < hidden_size; ++i) {
          const double term = scale[size_t(j)] * h[i] / std::sqrt(squares / hidden_size + double(kEps)) * norm[size_t(i)];
          expected[size_t(i)] += term;
          size[size_t(i)] += std::fabs(term);
        }
      }
      const uint16_t* high = &result[n * 2 * size_t(x_stride)];
      for (int i = 0; i < hidden_size; ++i) {
        const double value = double(bf16_to_f32(high[i])) + double(bf16_to_f32(high[x_stride + i]));
        check_near(value, expected[size_t(i)], 1.6e-5 * size[size_t(i)], "x", int64_t(n), i);
        check_near(bf16_to_f32(high[i]), expected[size_t(i)], 4e-3 * size[size_t(i)], "high x", int64_t(n), i);
      }
      for (int64_t i = hidden_size; i < x_stride; ++i) CHECK(high[i] == kUntouched && high[x_stride + i] == kUntouched);
    }
  }
};

void is_right_on_odd_sizes() {
  for (const int size : {1, 5, 77, 257, 1023}) {
    const Problem problem(size, {{2}, {0, 1}, {3, 0, 2}}, 4, unsigned(size));
    const FinalNormProblem arguments = problem.arguments();
    Stream stream;

    final_norm(&arguments, 1, 3, Order::after_previous, stream);
    stream_sync(stream);

    problem.check(problem.hidden);
  }
}

void a_sequence_without_terms_is_zero() {
  const Problem problem(33, {{}, {0}}, 1, 3);
  const FinalNormProblem arguments = problem.arguments();
  Stream stream;

  final_norm(&arguments, 1, 1, Order::after_previous, stream);
  stream_sync(stream);

  problem.check(problem.hidden);
}

void several_problems_are_one_launch() {
  const Problem a(301, {{0}, {1}}, 2, 5), b(64, {{1, 0}}, 2, 6);
  const FinalNormProblem arguments[] = {a.arguments(), b.arguments()};
  Stream stream;

  final_norm(arguments, 2, 2, Order::after_previous, stream);
  stream_sync(stream);

  a.check(a.hidden);
  b.check(b.hidden);
}

// The norm may begin while the projection that writes its input is still running.
void follows_a_projection_that_it_overlaps() {
  const Problem problem(48, {{0, 1}, {2}}, 3, 8);
  const std::vector<uint16_t> ones(size_t(3 * 32), 0x3f80), matrix(size_t(48 * 32), 0x3e80);  // 1 and 1/4
  std::vector<uint16_t> packed(fragment_bytes(48, 32) / 2);
  pack_fragments(packed.data(), matrix.data(), 48, 32, 0, tiles_of(48));
  const Array<uint16_t> x(ones), weight(packed);
  const ProjectProblem projection = {
      problem.device_hidden.data(), problem.hidden_stride, reinterpret_cast<bf16*>(x.data()), 32,
      {weight.data(), nullptr, 32, Format::bf16}, nullptr, nullptr, 48, 32, 3};
  const FinalNormProblem arguments = problem.arguments();
  Stream stream;

  project(&projection, 1, Order::overlaps_previous, stream);
  final_norm(&arguments, 1, 2, Order::overlaps_previous, stream);
  stream_sync(stream);

  std::vector<float> hidden = problem.hidden;
  for (float& value : hidden) value += 8;
  problem.check(hidden);
}

}  // namespace
}  // namespace genarm::cuda

int main(int argc, char** argv) {
  using namespace genarm::cuda;
  return run_cases(argc, argv,
                   {{"is_right_on_odd_sizes", is_right_on_odd_sizes},
                    {"a_sequence_without_terms_is_zero", a_sequence_without_terms_is_zero},
                    {"several_problems_are_one_launch", several_problems_are_one_launch},
                    {"follows_a_projection_that_it_overlaps", follows_a_projection_that_it_overlaps}});
}
