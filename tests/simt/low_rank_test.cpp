// low_rank: y += scale * B (C (A x)), against its definition in double.
#include "cuda/low_rank.h"
#include "fixture.h"

namespace genarm::cuda {
namespace {

constexpr float kEps = 1e-5f, kScale = 1.5f;

enum class Input { rows, high_and_low, normed };

struct Shape {
  int columns, rows, num_rows, rank;
  int fixed_rank, num_objectives;  // of PBLoRA; 0 and 0: LoRA
};

// What the kernels must not read is NaN, what they must not write is 7.
struct Problem {
  Shape shape;
  Input input;
  int64_t x_stride, y_stride;
  int preference_stride;
  std::vector<float> x, norm, a, b, w1, w2, preference, y;
  Array<float> hidden, device_norm, device_a, device_b, device_w1, device_w2, device_preference, u, device_y;
  Array<bf16> high, low;

  Problem(Shape s, Input in, unsigned seed)
      : shape(s), input(in), x_stride(s.columns + 5), y_stride(s.rows + 3), preference_stride(s.num_objectives + 1),
        x(padded_rows(s.num_rows, s.columns, x_stride, seed, NAN, 2)), norm(random_floats(size_t(s.columns), seed + 1)),
        a(random_floats(size_t(s.rank * s.columns), seed + 2, 0.2f)), b(random_floats(size_t(s.rows * s.rank), seed + 3, 0.3f)),
        w1(random_floats(size_t(s.fixed_rank * s.fixed_rank + 1), seed + 4)),
        w2(random_floats(size_t(s.num_objectives * free_rank() * free_rank() + 1), seed + 5)),
        preference(padded_rows(s.num_rows, s.num_objectives, preference_stride, seed + 6, NAN)),
        y(padded_rows(s.num_rows, s.rows, y_stride, seed + 7, 7)), hidden(x), device_norm(norm), device_a(a), device_b(b),
        device_w1(w1), device_w2(w2), device_preference(preference), u(size_t(s.num_rows * s.rank), NAN), device_y(y),
        high(part(false)), low(part(true)) {}

  int free_rank() const { return shape.rank - shape.fixed_rank; }
  std::vector<bf16> part(bool rest) const {
    std::vector<bf16> bits(x.size());
    for (size_t i = 0; i < x.size(); ++i) {
      bf16 rounded;
      set(rounded, x[i]);
      set(bits[i], rest ? x[i] - to_f32(rounded) : x[i]);
    }
    return bits;
  }

  LowRankUpdate arguments() const {
    LowRankUpdate p = {};
    const bool normed = input == Input::normed;
    p.input = {normed ? nullptr : high.data(), input == Input::high_and_low ? low.data() : nullptr, x_stride,
               normed ? hidden.data() : nullptr, x_stride, device_norm.data(), kEps, shape.columns};
    p.a = device_a.data();
    p.b = device_b.data();
    if (shape.fixed_rank > 0) {
      p.w1 = device_w1.data();
      p.w2 = device_w2.data();
      p.preference = device_preference.data();
    }
    p.u = u.data();
    p.y = device_y.data();
    p.y_stride = y_stride;
    p.scale = kScale;
    p.rank = shape.rank;
    p.rows = shape.rows;
    p.num_rows = shape.num_rows;
    p.fixed_rank = shape.fixed_rank;
    p.num_objectives = shape.num_objectives;
    p.preference_stride = preference_stride;
    return p;
  }

  std::vector<double> input_row(int r) const {
    const float* row = &x[size_t(r * x_stride)];
    if (input == Input::normed) return normed(row, norm, shape.columns, double(kEps));
    std::vector<double> values;
    for (int c = 0; c < shape.columns; ++c) {
      bf16 rounded;
      set(rounded, row[c]);
      bf16 rest;
      set(rest, row[c] - to_f32(rounded));
      values.push_back(double(to_f32(rounded)) + (input == Input::high_and_low ? double(to_f32(rest)) : 0));
    }
    return values;
  }

  std::vector<double> mixed(const std::vector<double>& t, int r) const {
    if (shape.fixed_rank == 0) return t;
    std::vector<double> out(t.size(), 0);
    const int fixed = shape.fixed_rank, free = free_rank();
    for (int i = 0; i < fixed; ++i)
      for (int j = 0; j < fixed; ++j) out[size_t(i)] += double(w1[size_t(i * fixed + j)]) * t[size_t(j)];
    for (int k = 0; k < shape.num_objectives; ++k)
      for (int i = 0; i < free; ++i)
        for (int j = 0; j < free; ++j)
          out[size_t(fixed + i)] += double(preference[size_t(r * preference_stride + k)]) *
                                    double(w2[size_t((k * free + i) * free + j)]) * t[size_t(fixed + j)];
    return out;
  }

  void check(int times = 1) const {
    const std::vector<float> result = device_y.get();
    for (int r = 0; r < shape.num_rows; ++r) {
      const std::vector<double> in = input_row(r);
      std::vector<double> t(size_t(shape.rank), 0);
      for (int i = 0; i < shape.rank; ++i)
        for (int c = 0; c < shape.columns; ++c) t[size_t(i)] += double(a[size_t(i * shape.columns + c)]) * in[size_t(c)];
      const std::vector<double> v = mixed(t, r);
      for (int o = 0; o < shape.rows; ++o) {
        double sum = 0, size = 1;
        for (int i = 0; i < shape.rank; ++i) {
          sum += double(b[size_t(o * shape.rank + i)]) * v[size_t(i)];
          size += std::fabs(double(b[size_t(o * shape.rank + i)]) * v[size_t(i)]);
        }
        const size_t at = size_t(r * y_stride + o);
        check_near(result[at], y[at] + times * double(kScale) * sum, 2e-5 * times * size, "y", r, o);
      }
      for (int64_t c = shape.rows; c < y_stride; ++c) CHECK(result[size_t(r * y_stride + c)] == 7);
    }
  }
};

void is_right_for(Shape shape, Input input) {
  const Problem problem(shape, input, 41);
  Stream stream;

  add_low_rank(problem.arguments(), Order::after_previous, stream);
  stream_sync(stream);

  problem.check();
}

void lora_is_right_on_odd_shapes() {
  for (const Input input : {Input::rows, Input::high_and_low, Input::normed}) {
    is_right_for({1, 1, 1, 1, 0, 0}, input);
    is_right_for({77, 257, 3, 5, 0, 0}, input);
    is_right_for({333, 19, 2, 64, 0, 0}, input);
  }
}

void pblora_is_right_on_odd_shapes() {
  is_right_for({77, 33, 3, 5, 2, 3}, Input::rows);
  is_right_for({40, 300, 2, 9, 8, 1}, Input::normed);
  is_right_for({31, 17, 2, 7, 7, 2}, Input::rows);  // nothing of it is free
}

// More numbers of A x than a block has threads.
void a_rank_of_more_than_a_block() { is_right_for({9, 5, 2, 300, 0, 0}, Input::rows); }

void no_rows_are_no_launch() {
  const Problem problem({8, 4, 1, 2, 0, 0}, Input::rows, 3);
  LowRankUpdate none = problem.arguments();
  none.num_rows = 0;
  Stream stream;

  add_low_rank(none, Order::after_previous, stream);
  stream_sync(stream);

  problem.check(0);
}

// Each may begin before the one before it has ended, whose u and y it changes.
void overlapping_updates_add_up() {
  const Problem problem({48, 65, 3, 6, 0, 0}, Input::normed, 9);
  Stream stream;

  for (int i = 0; i < 3; ++i) add_low_rank(problem.arguments(), Order::overlaps_previous, stream);
  stream_sync(stream);

  problem.check(3);
}

void clears_what_was_asked() {
  const Array<float> values(521, 5.0f);
  const Problem problem({48, 65, 3, 6, 0, 0}, Input::rows, 9);
  Stream stream;

  add_low_rank(problem.arguments(), Order::overlaps_previous, stream);
  clear(values.data(), 519, Order::overlaps_previous, stream);
  clear(problem.device_y.data(), 0, Order::overlaps_previous, stream);
  stream_sync(stream);

  const std::vector<float> result = values.get();
  for (size_t i = 0; i < result.size(); ++i) CHECK(result[i] == (i < 519 ? 0 : 5));
  problem.check();
}

}  // namespace
}  // namespace genarm::cuda

int main(int argc, char** argv) {
  using namespace genarm::cuda;
  return run_cases(argc, argv,
                   {{"lora_is_right_on_odd_shapes", lora_is_right_on_odd_shapes},
                    {"pblora_is_right_on_odd_shapes", pblora_is_right_on_odd_shapes},
                    {"a_rank_of_more_than_a_block", a_rank_of_more_than_a_block},
                    {"no_rows_are_no_launch", no_rows_are_no_launch},
                    {"overlapping_updates_add_up", overlapping_updates_add_up},
                    {"clears_what_was_asked", clears_what_was_asked}});
}
