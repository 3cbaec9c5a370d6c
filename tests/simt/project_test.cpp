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
  Array<bf16> input;

  Problem(Shape s, unsigned seed, Format format = Format::bf16)
      : shape(s), x_stride((s.columns + 7) / 8 * 8 + 8), hidden_stride(s.rows + 3),
        weight(s.rows, s.columns, seed, 0, format), update(s.num_rows, s.rows, seed + 5), x(padded_x(s, x_stride, seed + 1)),
        hidden(padded_hidden(s, hidden_stride, seed + 2)), bias(random_floats(size_t(s.rows), seed + 3)),
        device_x(x), device_hidden(hidden), device_bias(bias),
        input(size_t(s.num_rows) * size_t(input_width(weight.weight(), s.columns)), bf16{0x7fff}) {}

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
            shape.num_rows, 0, input.data()};
  }
  // Of one row.
  ProjectProblem arguments_of(int row) const {
    ProjectProblem p = arguments();
    p.hidden += row * hidden_stride;
    p.x += row * x_stride;
    p.update += row;
    p.num_rows = 1;
    return p;
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
// So many outputs that blocks of 8 tiles leave no processor without one.
int32_t wide_outputs() { return 128 * device_processors() - 5; }

void many_rows_are_blocked() {
  for (const Format format : all_formats()) is_right_for({37, 333, 65}, true, format);
  is_right_for({128, 1, 128}, false);
  is_right_for({131, 72, 200}, true, Format::int4);
  is_right_for({wide_outputs(), 72, 65}, true);
  is_right_for({7, 700, 129}, true);
}

void a_row_is_the_same_in_a_blocked_product() {
  for (const Format format : all_formats()) {
    for (const Shape shape : {Shape{19, 333, 70}, {wide_outputs(), 72, 65}}) {
      if (shape.rows == wide_outputs() && format != Format::bf16) continue;
      const Problem all(shape, 9, format), alone(shape, 9, format);
      const ProjectProblem arguments = all.arguments();
      const int some[] = {0, 1, 63, shape.num_rows - 1};
      Stream stream;

      project(&arguments, 1, Order::after_previous, stream);
      for (const int row : some) {
        const ProjectProblem one = alone.arguments_of(row);
        project(&one, 1, Order::after_previous, stream);
      }
      stream_sync(stream);

      const std::vector<float> a = all.device_hidden.get(), b = alone.device_hidden.get();
      for (const int row : some)
        CHECK(memcmp(&a[size_t(row * all.hidden_stride)], &b[size_t(row * all.hidden_stride)], size_t(shape.rows) * 4) == 0);
    }
  }
}

// The second has more rows than the first, the third too few to be blocked, the last an order but no scratch for it.
void blocked_problems_stand_beside_others() {
  const Problem a({33, 100, 70}, 1), b({150, 64, 140}, 2, Format::int8), c({5, 333, 3}, 3), empty({7, 9, 0}, 4),
      d({20, 70, 66}, 5, Format::int4_zeros);
  ProjectProblem arguments[] = {a.arguments(), c.arguments(), b.arguments(), empty.arguments(), d.arguments()};
  arguments[4].input = nullptr;
  Stream stream;

  for (int i = 0; i < 2; ++i) project(arguments, 5, Order::overlaps_previous, stream);
  stream_sync(stream);

  a.check(true, 2);
  b.check(true, 2);
  c.check(true, 2);
  d.check(true, 2);
}

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
                    {"many_rows_are_blocked", many_rows_are_blocked},
                    {"a_row_is_the_same_in_a_blocked_product", a_row_is_the_same_in_a_blocked_product},
                    {"blocked_problems_stand_beside_others", blocked_problems_stand_beside_others},
                    {"several_problems_are_one_launch", several_problems_are_one_launch},
                    {"more_problems_than_a_launch_takes", more_problems_than_a_launch_takes},
                    {"overlapping_launches_add_up", overlapping_launches_add_up},
                    {"a_row_does_not_depend_on_the_others", a_row_does_not_depend_on_the_others}});
}
