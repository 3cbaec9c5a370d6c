// project: hidden += W x + bias, against its definition in double.
#include "fixture.h"

namespace genarm::cuda {
namespace {

struct Shape {
  int32_t rows, columns, num_rows;
};

// One problem with its memory: what the kernel must not read is NaN, what it must not write is 7.
struct Problem {
  Shape shape;
  int64_t x_stride, hidden_stride;
  Weights weight;
  Updates update;
  std::vector<bf16> x;
  std::vector<float> hidden, bias;
  Array<bf16> device_x;
  Array<float> device_hidden, device_bias;

  Problem(Shape s, unsigned seed, Format format = Format::bf16)
      : shape(s), x_stride((s.columns + 7) / 8 * 8 + 8), hidden_stride(s.rows + 3),
        weight(s.rows, s.columns, seed, 0, format), update(s.num_rows, s.rows, seed + 5), x(padded_x(s, x_stride, seed + 1)),
        hidden(padded_hidden(s, hidden_stride, seed + 2)), bias(random_floats(size_t(s.rows), seed + 3)),
        device_x(x), device_hidden(hidden), device_bias(bias) {}

  static std::vector<bf16> padded_x(Shape s, int64_t stride, unsigned seed) {
    const std::vector<bf16> values = narrow<bf16>(random_floats(size_t(s.num_rows) * size_t(s.columns), seed));
    std::vector<bf16> padded(size_t(s.num_rows * stride), bf16{0x7fff});
    for (int r = 0; r < s.num_rows; ++r)
      for (int c = 0; c < s.columns; ++c) padded[size_t(r * stride + c)] = values[size_t(r * s.columns + c)];
    return padded;
  }
  static std::vector<float> padded_hidden(Shape s, int64_t stride, unsigned seed) {
    std::vector<float> padded = random_floats(size_t(s.num_rows * stride), seed);
    for (int r = 0; r < s.num_rows; ++r)
      for (int64_t c = s.rows; c < stride; ++c) padded[size_t(r * stride + c)] = 7;
    return padded;
  }
  ProjectProblem arguments(bool with_bias = true) const {
    return {device_hidden.data(), hidden_stride, device_x.data(), x_stride, weight.weight(),
            with_bias ? device_bias.data() : nullptr, with_bias ? update.rows.data() : nullptr, shape.rows, shape.columns,
            shape.num_rows};
  }

  void check(bool with_bias = true, int times = 1) const {
    const std::vector<float> result = device_hidden.get();
    for (int r = 0; r < shape.num_rows; ++r) {
      for (int o = 0; o < shape.rows; ++o) {
        double sum = with_bias ? double(bias[size_t(o)]) + update.at(r, o) : 0, size = std::fabs(sum) + 10;
        for (int c = 0; c < shape.columns; ++c) {
          const double term = weight.at(o, c) * double(to_f32(x[size_t(r * x_stride + c)]));
          sum += term;
          size += std::fabs(term);
        }
        const size_t at = size_t(r * hidden_stride + o);
        check_near(result[at], hidden[at] + times * sum, 4e-7 * (times * size + std::fabs(hidden[at]) + 1), "hidden", r, o);
      }
      for (int64_t c = shape.rows; c < hidden_stride; ++c) CHECK(result[size_t(r * hidden_stride + c)] == 7);
    }
  }
};

void is_right_for(Shape shape, bool with_bias, Format format = Format::bf16) {
  const Problem problem(shape, 11, format);
  const ProjectProblem arguments = problem.arguments(with_bias);
  Stream stream;

  project(&arguments, 1, Order::after_previous, stream);
  stream_sync(stream);

  problem.check(with_bias);
}

void is_right_on_odd_shapes() {
  for (const Shape shape : {Shape{1, 1, 1}, {5, 7, 2}, {16, 32, 8}, {77, 333, 3}, {33, 1023, 5}, {17, 1025, 7}})
    is_right_for(shape, true);
}

void every_format_is_right() {
  for (const Format format : all_formats())
    for (const Shape shape : {Shape{1, 1, 1}, {5, 70, 2}, {33, 1025, 5}, {16, 128, 8}}) is_right_for(shape, true, format);
}

void is_right_without_bias() {
  is_right_for({40, 201, 4}, false);
}

void more_than_eight_rows_are_groups() {
  for (const Format format : all_formats()) is_right_for({19, 70, 33}, true, format);
  is_right_for({19, 70, 9}, true);
  is_right_for({19, 70, 17}, true);
}

// Of the second eight rows only the last problem has any: the other blocks have nothing to do but to wait.
void several_problems_are_one_launch() {
  const Problem a({33, 100, 3}, 1), b({5, 333, 8}, 2), empty({7, 9, 0}, 3), d({64, 64, 10}, 4);
  const ProjectProblem arguments[] = {a.arguments(), b.arguments(), empty.arguments(), d.arguments()};
  Stream stream;

  project(arguments, 4, Order::overlaps_previous, stream);
  stream_sync(stream);

  a.check();
  b.check();
  d.check();
}

void more_problems_than_a_launch_takes() {
  const Problem one({17, 40, 2}, 5), last({3, 50, 1}, 6);
  std::vector<ProjectProblem> arguments(kMaxProblems, one.arguments());
  for (int i = 1; i < kMaxProblems; ++i) arguments[size_t(i)].num_rows = 0;
  arguments.push_back(last.arguments());
  Stream stream;

  project(arguments.data(), int(arguments.size()), Order::overlaps_previous, stream);
  stream_sync(stream);

  one.check();
  last.check();
}

// Each launch may begin before the one before it has ended, and adds to what that one wrote.
void overlapping_launches_add_up() {
  const Problem problem({48, 257, 5}, 7);
  const ProjectProblem arguments = problem.arguments();
  Stream stream;

  for (int i = 0; i < 5; ++i) project(&arguments, 1, Order::overlaps_previous, stream);
  stream_sync(stream);

  problem.check(true, 5);
}

void a_row_does_not_depend_on_the_others() {
  const Problem all({37, 301, 11}, 9), alone({37, 301, 11}, 9);
  const ProjectProblem arguments = all.arguments();
  ProjectProblem first = alone.arguments();
  first.num_rows = 1;
  Stream stream;

  project(&arguments, 1, Order::after_previous, stream);
  project(&first, 1, Order::after_previous, stream);
  stream_sync(stream);

  const std::vector<float> a = all.device_hidden.get(), b = alone.device_hidden.get();
  CHECK(memcmp(a.data(), b.data(), 37 * sizeof(float)) == 0);
}

}  // namespace
}  // namespace genarm::cuda

int main(int argc, char** argv) {
  using namespace genarm::cuda;
  return run_cases(argc, argv,
                   {{"is_right_on_odd_shapes", is_right_on_odd_shapes},
                    {"every_format_is_right", every_format_is_right},
                    {"is_right_without_bias", is_right_without_bias},
                    {"more_than_eight_rows_are_groups", more_than_eight_rows_are_groups},
                    {"several_problems_are_one_launch", several_problems_are_one_launch},
                    {"more_problems_than_a_launch_takes", more_problems_than_a_launch_takes},
                    {"overlapping_launches_add_up", overlapping_launches_add_up},
                    {"a_row_does_not_depend_on_the_others", a_row_does_not_depend_on_the_others}});
}
