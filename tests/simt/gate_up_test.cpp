// gate_up: silu(gate x) * (up x) of a normed x, against its definition in double.
#include "error.h"
#include "fixture.h"

namespace genarm::cuda {
namespace {

constexpr float kEps = 1e-5f;

struct Problem {
  int rows, columns, num_rows;
  int64_t out_stride, hidden_stride;
  Weights gate, up;
  Updates gate_update, up_update;
  std::vector<float> hidden, norm, gate_bias, up_bias;
  Array<float> device_hidden, device_norm, device_gate_bias, device_up_bias;
  Array<bf16> out, input;

  Problem(int r, int c, int n, unsigned seed, Format format = Format::bf16)
      : rows(r), columns(c), num_rows(n), out_stride(r + 5), hidden_stride((c + 3) / 4 * 4 + 4), gate(r, c, seed, 0, format),
        up(r, c, seed + 1, 0, format), gate_update(n, r, seed + 6), up_update(n, r, seed + 9),
        hidden(padded_rows(n, c, hidden_stride, seed + 2, NAN, 3)), norm(random_floats(size_t(c), seed + 3)),
        gate_bias(random_floats(size_t(r), seed + 4)), up_bias(random_floats(size_t(r), seed + 5)), device_hidden(hidden),
        device_norm(norm), device_gate_bias(gate_bias), device_up_bias(up_bias),
        out(size_t(n) * size_t(out_stride), bf16{0x4321}),
        input(size_t(n) * size_t(input_width(gate.weight(), c)), bf16{0x7fff}) {}

  GateUpProblem arguments(bool extras = true) const {
    GateUpProblem p = {};
    p.out = out.data();
    p.out_stride = out_stride;
    p.hidden = device_hidden.data();
    p.hidden_stride = hidden_stride;
    p.norm = device_norm.data();
    p.gate = gate.weight();
    p.up = up.weight();
    p.up.order = p.gate.order;
    if (extras) {
      p.gate_bias = device_gate_bias.data();
      p.up_bias = device_up_bias.data();
      p.gate_update = gate_update.rows.data();
      p.up_update = up_update.rows.data();
    }
    p.eps = kEps;
    p.rows = rows;
    p.columns = columns;
    p.num_rows = num_rows;
    p.input = input.data();
    return p;
  }
  // Of one row.
  GateUpProblem arguments_of(int row) const {
    GateUpProblem p = arguments();
    p.out += row * out_stride;
    p.hidden += row * hidden_stride;
    p.gate_update += row;
    p.up_update += row;
    p.num_rows = 1;
    return p;
  }

  void check(bool extras = true, float added_to_hidden = 0) const {
    const std::vector<bf16> result = out.get();
    std::vector<float> now = hidden;
    for (float& value : now) value += added_to_hidden;
    for (int r = 0; r < num_rows; ++r) {
      const std::vector<double> x = normed(&now[size_t(r * hidden_stride)], norm, columns, double(kEps));
      for (int o = 0; o < rows; ++o) {
        double g_size = 1, u_size = 1, g = dot(gate, o, x, g_size), u = dot(up, o, x, u_size);
        if (extras) {
          g += double(gate_bias[size_t(o)]) + gate_update.at(r, o);
          u += double(up_bias[size_t(o)]) + up_update.at(r, o);
        }
        // x and out are rounded to T; silu's slope is below 1.1.
        const double tolerance = kRounding * (1.1 * g_size * std::fabs(u) + u_size * std::fabs(g));
        const double expected = g / (1 + std::exp(-g)) * u;
        check_near(to_f32(result[size_t(r * out_stride + o)]), expected,
                   0.5 * tolerance + kRounding * std::fabs(expected) + 1e-6, "out", r, o);
      }
      for (int64_t c = rows; c < out_stride; ++c) CHECK(result[size_t(r * out_stride + c)].bits == 0x4321);
    }
  }
};

void is_right_for(int rows, int columns, int num_rows, bool extras, Format format = Format::bf16) {
  const Problem problem(rows, columns, num_rows, 21, format);
  const GateUpProblem arguments = problem.arguments(extras);
  Stream stream;

  gate_up(&arguments, 1, Order::after_previous, stream);
  stream_sync(stream);

  problem.check(extras);
}

void is_right_on_odd_shapes() {
  is_right_for(1, 8, 1, true);
  is_right_for(5, 24, 2, true);
  is_right_for(16, 32, 8, false);
  is_right_for(37, 328, 3, true);
  is_right_for(17, 1032, 5, true);
  is_right_for(33, 200, 4, true, Format::f16);
}

void every_format_is_right() {
  for (const Format format : all_formats()) {
    is_right_for(33, 200, 4, true, format);
    is_right_for(7, 328, 2, false, format);
  }
}

void more_than_eight_rows_are_groups() {
  for (const Format format : all_formats()) is_right_for(19, 72, 17, true, format);
  is_right_for(19, 72, 35, true);
}

void many_rows_are_blocked() {
  for (const Format format : all_formats()) is_right_for(39, 200, 65, true, format);
  is_right_for(64 * device_processors() - 3, 72, 65, true);
  is_right_for(16, 40, 129, false);
}

void a_row_is_the_same_in_a_blocked_product() {
  for (const Format format : {Format::bf16, Format::int4_zeros}) {
    for (const int rows : {21, 64 * device_processors() - 3}) {
      const Problem all(rows, 328, 70, 9, format), alone(rows, 328, 70, 9, format);
      const GateUpProblem arguments = all.arguments();
      Stream stream;

      gate_up(&arguments, 1, Order::after_previous, stream);
      for (const int row : {0, 69}) {
        const GateUpProblem one = alone.arguments_of(row);
        gate_up(&one, 1, Order::after_previous, stream);
      }
      stream_sync(stream);

      const std::vector<bf16> a = all.out.get(), b = alone.out.get();
      for (const int row : {0, 69})
        CHECK(memcmp(&a[size_t(row * all.out_stride)], &b[size_t(row * all.out_stride)], size_t(rows) * sizeof(bf16)) == 0);
    }
  }
}

void blocked_problems_stand_beside_others() {
  const Problem a(33, 104, 70, 1), b(20, 72, 130, 2), c(7, 16, 3, 3);
  const GateUpProblem arguments[] = {a.arguments(), c.arguments(), b.arguments()};
  const AddEight add(130, 72);
  Stream stream;

  add.run(b.device_hidden.data(), b.hidden_stride, stream);
  gate_up(arguments, 3, Order::overlaps_previous, stream);
  stream_sync(stream);

  a.check();
  b.check(true, 8);
  c.check();
}

void columns_that_are_not_eights_are_refused() {
  const Problem problem(5, 20, 2, 3);
  const GateUpProblem arguments = problem.arguments();
  Stream stream;
  std::string message;

  try {
    gate_up(&arguments, 1, Order::after_previous, stream);
  } catch (const Error& error) {
    message = error.what();
  }

  CHECK(message == "hidden_size must be a multiple of 8 on CUDA, got 20");
}

void several_problems_are_one_launch() {
  const Problem a(33, 104, 3, 1), b(5, 72, 10, 2), none(7, 16, 0, 3);
  const GateUpProblem arguments[] = {a.arguments(), none.arguments(), b.arguments()};
  Stream stream;

  gate_up(arguments, 3, Order::overlaps_previous, stream);
  stream_sync(stream);

  a.check();
  b.check();
}

void follows_a_projection_that_it_overlaps() {
  const Problem problem(21, 64, 3, 5);
  const GateUpProblem arguments = problem.arguments();
  const AddEight add(3, 64);
  Stream stream;

  add.run(problem.device_hidden.data(), problem.hidden_stride, stream);
  gate_up(&arguments, 1, Order::overlaps_previous, stream);
  stream_sync(stream);

  problem.check(true, 8);
}

void a_row_does_not_depend_on_the_others() {
  const Problem all(37, 304, 11, 9), alone(37, 304, 11, 9);
  const GateUpProblem arguments = all.arguments();
  GateUpProblem first = alone.arguments();
  first.num_rows = 1;
  Stream stream;

  gate_up(&arguments, 1, Order::after_previous, stream);
  gate_up(&first, 1, Order::after_previous, stream);
  stream_sync(stream);

  const std::vector<bf16> a = all.out.get(), b = alone.out.get();
  CHECK(memcmp(a.data(), b.data(), 37 * sizeof(bf16)) == 0);
}

}  // namespace
}  // namespace genarm::cuda

int main(int argc, char** argv) {
  using namespace genarm::cuda;
  return run_cases(argc, argv,
                   {{"is_right_on_odd_shapes", is_right_on_odd_shapes},
                    {"every_format_is_right", every_format_is_right},
                    {"more_than_eight_rows_are_groups", more_than_eight_rows_are_groups},
                    {"many_rows_are_blocked", many_rows_are_blocked},
                    {"a_row_is_the_same_in_a_blocked_product", a_row_is_the_same_in_a_blocked_product},
                    {"blocked_problems_stand_beside_others", blocked_problems_stand_beside_others},
                    {"columns_that_are_not_eights_are_refused", columns_that_are_not_eights_are_refused},
                    {"several_problems_are_one_launch", several_problems_are_one_launch},
                    {"follows_a_projection_that_it_overlaps", follows_a_projection_that_it_overlaps},
                    {"a_row_does_not_depend_on_the_others", a_row_does_not_depend_on_the_others}});
}
