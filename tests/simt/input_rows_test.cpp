// input_rows: rows normed, in the order of a matrix's columns, as bf16, against their definition in double.
#include "fixture.h"

namespace genarm::cuda {
namespace {

constexpr float kEps = 1e-5f;

struct Problem {
  int columns, width, num_rows;
  int64_t stride;
  std::vector<float> hidden, norm;
  std::vector<bf16> x;
  std::vector<int32_t> order;
  Array<float> device_hidden, device_norm;
  Array<bf16> device_x, out;
  Array<int32_t> device_order;

  Problem(int c, int n, bool ordered, unsigned seed)
      : columns(c), width(ordered ? (c + 63) / 32 * 32 : (c + 7) / 8 * 8), num_rows(n), stride((c + 7) / 8 * 8 + 8),
        hidden(padded_rows(n, c, stride, seed, NAN, 3)), norm(random_floats(size_t(c), seed + 1)), x(narrow<bf16>(hidden)),
        order(shuffled(c, ordered ? width : 0)), device_hidden(hidden), device_norm(norm), device_x(x),
        out(size_t(n + 1) * size_t(width), bf16{0x4321}), device_order(order) {}

  static std::vector<int32_t> shuffled(int columns, int width) {
    std::vector<int32_t> order;
    for (int i = 0; i < width; ++i) order.push_back(i < columns ? i : -1);
    std::shuffle(order.begin(), order.end(), std::mt19937(3));
    return order;
  }
  InputProblem arguments(bool is_normed) const {
    InputProblem p = {};
    p.out = out.data();
    if (is_normed) {
      p.hidden = device_hidden.data();
      p.norm = device_norm.data();
    } else {
      p.x = device_x.data();
    }
    p.hidden_stride = p.x_stride = stride;
    p.order = order.empty() ? nullptr : device_order.data();
    p.eps = kEps;
    p.columns = columns;
    p.width = width;
    p.num_rows = num_rows;
    return p;
  }
  void check(bool is_normed, float added = 0) const {
    const std::vector<bf16> result = out.get();
    std::vector<float> now = hidden;
    for (float& value : now) value += added;
    for (int r = 0; r < num_rows; ++r) {
      const float* row = &now[size_t(r * stride)];
      const std::vector<double> y =
          is_normed ? normed(row, norm, columns, double(kEps)) : std::vector<double>(row, row + columns);
      for (int c = 0; c < width; ++c) {
        const int from = !order.empty() ? order[size_t(c)] : c < columns ? c : -1;
        const double expected = from < 0 ? 0 : y[size_t(from)];
        check_near(to_f32(result[size_t(r * width + c)]), expected, kRounding * 1.001 * std::fabs(expected), "out", r, c);
      }
    }
    for (int c = 0; c < width; ++c) CHECK(result[size_t(num_rows * width + c)].bits == 0x4321);
  }
};

void is_right() {
  for (const bool is_normed : {true, false})
    for (const bool ordered : {true, false})
      for (const int rows : {1, 8, 67}) {
        const Problem problem(is_normed ? 328 : 333, rows, ordered && rows != 1, 7);
        const InputProblem arguments = problem.arguments(is_normed);
        Stream stream;

        input_rows(&arguments, 1, Order::after_previous, stream);
        stream_sync(stream);

        problem.check(is_normed);
      }
}

void several_problems_are_one_launch() {
  const Problem a(40, 20, false, 1), none(8, 0, false, 2), b(72, 3, true, 3);
  const InputProblem arguments[] = {a.arguments(true), none.arguments(true), b.arguments(false)};
  const AddEight add(20, 40);
  Stream stream;

  add.run(a.device_hidden.data(), a.stride, stream);
  input_rows(arguments, 3, Order::overlaps_previous, stream);
  stream_sync(stream);

  a.check(true, 8);
  b.check(false);
}

}  // namespace
}  // namespace genarm::cuda

int main(int argc, char** argv) {
  using namespace genarm::cuda;
  return run_cases(argc, argv,
                   {{"is_right", is_right}, {"several_problems_are_one_launch", several_problems_are_one_launch}});
}
