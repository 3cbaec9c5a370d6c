// low_rank: u = C (A x) of the rows that adapters update, and what each row finds, against the definition in double.
#include <memory>

#include "cuda/low_rank.h"
#include "fixture.h"

namespace genarm::cuda {
namespace {

constexpr float kEps = 1e-5f, kScale = 1.5f;

enum class Input { rows, high_and_low, normed };

// The rows of a stage; what the kernels must not read is NaN.
struct Rows {
  Input input;
  int columns, num_rows;
  int64_t stride;
  std::vector<float> x, norm;
  Array<float> hidden, device_norm;
  Array<bf16> high, low;

  Rows(int num_columns, int rows, Input in, unsigned seed, int padding = 5)
      : input(in), columns(num_columns), num_rows(rows), stride(num_columns + padding),
        x(padded_rows(rows, num_columns, stride, seed, NAN, 2)), norm(random_floats(size_t(num_columns), seed + 1)),
        hidden(x), device_norm(norm), high(part(false)), low(part(true)) {}

  std::vector<bf16> part(bool rest) const {
    std::vector<bf16> bits(x.size());
    for (size_t i = 0; i < x.size(); ++i) {
      bf16 rounded;
      set(rounded, x[i]);
      set(bits[i], rest ? x[i] - to_f32(rounded) : x[i]);
    }
    return bits;
  }
  LowRankInput arguments() const {
    if (input == Input::normed) return {nullptr, nullptr, 0, hidden.data(), stride, device_norm.data(), kEps, columns};
    return {high.data(), input == Input::high_and_low ? low.data() : nullptr, stride, nullptr, 0, nullptr, 0, columns};
  }
  std::vector<double> row(int r, float added = 0) const {
    std::vector<float> now(&x[size_t(r * stride)], &x[size_t(r * stride)] + columns);
    for (float& value : now) value += added;
    if (input == Input::normed) return normed(now.data(), norm, columns, double(kEps));
    std::vector<double> values;
    for (const float value : now) {
      bf16 rounded, rest;
      set(rounded, value);
      set(rest, value - to_f32(rounded));
      values.push_back(double(to_f32(rounded)) + (input == Input::high_and_low ? double(to_f32(rest)) : 0));
    }
    return values;
  }
};

struct Shape {
  int first_row, num_rows, rank;
  int fixed_rank, num_objectives;  // of PBLoRA; 0 and 0: LoRA
};

// What the kernels must not write is 7.
struct Update {
  Shape shape;
  int columns, preference_stride;
  std::vector<float> a, w1, w2, preference;
  Array<float> b, device_a, device_w1, device_w2, device_preference, u;
  Array<RowUpdate> rows;

  Update(Shape s, int num_columns, unsigned seed)
      : shape(s), columns(num_columns), preference_stride(s.num_objectives + 1),
        a(random_floats(size_t(s.rank * num_columns), seed + 2, 0.2f)),
        w1(random_floats(size_t(s.fixed_rank * s.fixed_rank), seed + 4)),
        w2(random_floats(size_t(s.num_objectives * free_rank() * free_rank()), seed + 5)),
        preference(padded_rows(s.num_rows, s.num_objectives, preference_stride, seed + 6, NAN)), b(1, 0), device_a(a),
        device_w1(w1), device_w2(w2), device_preference(preference), u(size_t(s.num_rows * s.rank + 3), 7),
        rows(size_t(s.num_rows + 1), RowUpdate{nullptr, nullptr, 7, 7}) {}

  int free_rank() const { return shape.rank - shape.fixed_rank; }
  LowRankUpdate arguments() const {
    LowRankUpdate p = {};
    p.rows = rows.data();
    p.first_row = shape.first_row;
    p.num_rows = shape.num_rows;
    if (shape.rank == 0) return p;
    p.a = device_a.data();
    p.b = b.data();
    p.u = u.data();
    p.scale = kScale;
    p.rank = shape.rank;
    if (shape.num_objectives == 0) return p;
    p.w1 = device_w1.data();
    p.w2 = device_w2.data();
    p.preference = device_preference.data();
    p.fixed_rank = shape.fixed_rank;
    p.num_objectives = shape.num_objectives;
    p.preference_stride = preference_stride;
    return p;
  }

  std::vector<double> mixed(const std::vector<double>& t, int r) const {
    if (shape.num_objectives == 0) return t;
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

  void check(const Rows& in, float added_to_hidden = 0) const {
    const std::vector<float> result = u.get();
    const std::vector<RowUpdate> found = rows.get();
    for (int r = 0; r < shape.num_rows; ++r) {
      const std::vector<double> x = in.row(shape.first_row + r, added_to_hidden);
      std::vector<double> t(size_t(shape.rank), 0);
      double size = 1;
      for (int i = 0; i < shape.rank; ++i)
        for (int c = 0; c < columns; ++c) {
          const double term = double(a[size_t(i * columns + c)]) * x[size_t(c)];
          t[size_t(i)] += term;
          size += std::fabs(term);
        }
      const std::vector<double> expected = mixed(t, r);
      for (int i = 0; i < shape.rank; ++i)
        check_near(result[size_t(r * shape.rank + i)], expected[size_t(i)], 2e-6 * size * (1 + 4 * shape.num_objectives),
                   "u", r, i);
      const RowUpdate& row = found[size_t(r)];
      CHECK(row.rank == shape.rank);
      if (shape.rank > 0) CHECK(row.b == b.data() && row.u == u.data() + r * shape.rank && row.scale == kScale);
    }
    for (size_t i = size_t(shape.num_rows * shape.rank); i < result.size(); ++i) CHECK(result[i] == 7);
    CHECK(found[size_t(shape.num_rows)].rank == 7);
  }
};

void is_right_for(const std::vector<Shape>& shapes, int columns, Input input, int padding = 5) {
  const Rows in(columns, 4, input, 41, padding);
  std::vector<std::unique_ptr<Update>> updates;
  std::vector<LowRankUpdate> arguments;
  for (const Shape& shape : shapes) {
    updates.push_back(std::make_unique<Update>(shape, columns, unsigned(updates.size()) * 10));
    arguments.push_back(updates.back()->arguments());
  }
  Stream stream;

  shrink(in.arguments(), arguments.data(), int(arguments.size()), Order::after_previous, stream);
  stream_sync(stream);

  for (const auto& each : updates) each->check(in);
}

// Rows of one adapter, of another, and of none; padding 4: rows that are read four numbers at a time.
void lora_is_right_on_odd_shapes() {
  for (const Input input : {Input::rows, Input::high_and_low, Input::normed}) {
    is_right_for({{0, 1, 1, 0, 0}}, 1, input);
    is_right_for({{0, 1, 0, 0, 0}, {1, 2, 5, 0, 0}, {3, 1, 0, 0, 0}, {0, 4, 2, 0, 0}}, 77, input);
    is_right_for({{1, 3, 9, 0, 0}, {0, 1, 0, 0, 0}}, 1284, input, 4);
    is_right_for({{2, 1, 2, 0, 0}}, 4100, input, 4);
  }
}

void pblora_is_right_on_odd_shapes() {
  is_right_for({{1, 3, 5, 2, 3}, {0, 1, 0, 0, 0}, {0, 2, 4, 0, 0}}, 77, Input::rows);
  is_right_for({{0, 2, 9, 8, 1}}, 40, Input::normed, 4);
  is_right_for({{0, 2, 7, 7, 2}}, 31, Input::rows);  // nothing of it is free
  is_right_for({{0, 1, 300, 3, 1}}, 8, Input::rows);  // more than a block has threads
}

void more_updates_than_a_launch_takes() {
  std::vector<Shape> shapes(kMaxUpdates, Shape{0, 0, 3, 0, 0});
  shapes[0] = {1, 2, 4, 0, 0};
  shapes.push_back({2, 2, 3, 1, 2});
  is_right_for(shapes, 19, Input::rows);
  is_right_for({{0, 0, 3, 0, 0}}, 19, Input::rows);
}

void follows_a_projection_that_it_overlaps() {
  const Rows in(64, 3, Input::normed, 5, 4);
  const Update lora({0, 2, 3, 0, 0}, 64, 8), pblora({1, 2, 5, 2, 2}, 64, 9);
  const LowRankUpdate updates[] = {lora.arguments(), pblora.arguments()};
  const AddEight add(3, 64);
  Stream stream;

  add.run(in.hidden.data(), in.stride, stream);
  shrink(in.arguments(), updates, 2, Order::overlaps_previous, stream);
  stream_sync(stream);

  lora.check(in, 8);
  pblora.check(in, 8);
}

// The product of a stage adds what shrink has left for it.
void its_product_adds_it() {
  const int columns = 40, outputs = 21, num_rows = 2;
  const Rows in(columns, num_rows, Input::rows, 3, 0);
  const Update update({1, 1, 6, 0, 0}, columns, 4);
  const Weights zero(outputs, columns, 1);
  const std::vector<float> b = random_floats(size_t(outputs * 6), 7);
  const Array<float> device_b(b), hidden(size_t(num_rows * outputs), 1.0f), nothing(1, 0.0f);
  const Array<bf16> x(size_t(num_rows * columns), bf16{0});
  const Array<RowUpdate> rows(2, RowUpdate{nullptr, nullptr, 7, 7});
  LowRankUpdate first = {}, second = update.arguments();
  first.rows = rows.data();
  first.num_rows = 1;
  second.rows = rows.data() + 1;
  second.b = device_b.data();
  const LowRankUpdate updates[] = {first, second};
  const ProjectProblem product = {hidden.data(), outputs, x.data(), columns, zero.weight(), nullptr, rows.data(), outputs,
                                  columns, num_rows};
  Stream stream;

  shrink(in.arguments(), updates, 2, Order::overlaps_previous, stream);
  project(&product, 1, Order::overlaps_previous, stream);
  stream_sync(stream);

  const std::vector<float> u = update.u.get(), result = hidden.get();
  for (int o = 0; o < outputs; ++o) {
    double sum = 0;
    for (int i = 0; i < 6; ++i) sum += double(b[size_t(o * 6 + i)]) * double(u[size_t(i)]);
    CHECK(result[size_t(o)] == 1);
    check_near(result[size_t(outputs + o)], 1 + kScale * sum, 1e-4, "hidden", 1, o);
  }
}

}  // namespace
}  // namespace genarm::cuda

int main(int argc, char** argv) {
  using namespace genarm::cuda;
  return run_cases(argc, argv,
                   {{"lora_is_right_on_odd_shapes", lora_is_right_on_odd_shapes},
                    {"pblora_is_right_on_odd_shapes", pblora_is_right_on_odd_shapes},
                    {"more_updates_than_a_launch_takes", more_updates_than_a_launch_takes},
                    {"follows_a_projection_that_it_overlaps", follows_a_projection_that_it_overlaps},
                    {"its_product_adds_it", its_product_adds_it}});
}
