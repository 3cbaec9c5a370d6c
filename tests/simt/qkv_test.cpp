// qkv: norm, products, norm of each head, rotation and the way into the pages, against its definition in double.
#include "fixture.h"

namespace genarm::cuda {
namespace {

constexpr float kEps = 1e-5f;
constexpr int kPositions = 300;
constexpr uint16_t kUntouched = 0x4321;

struct Shape {
  int columns, num_heads, num_kv_heads, head_dim, page_size;
  bool bias, head_norm;
};

// Three lanes' rows: each lane has its own pages, in any order.
struct Lanes {
  std::vector<int32_t> position, page_table, pages;
  int num_pages;

  Lanes(const std::vector<int32_t>& positions, int page_size) : position(positions), num_pages(0) {
    for (size_t r = 0; r < positions.size(); ++r) num_pages += positions[r] / page_size + 1;
    int next = 0;
    for (const int32_t p : positions) {
      page_table.push_back(int32_t(pages.size()));
      for (int i = 0; i <= p / page_size; ++i) pages.push_back(num_pages - 1 - next++);
    }
  }
};

struct Problem {
  Shape shape;
  Lanes lanes;
  int num_rows, stride;
  int64_t q_stride, hidden_stride;
  Weights q, k, v;
  Updates q_update, v_update;
  std::vector<float> hidden, norm, q_bias, kv_bias, head_norm, rope_cos, rope_sin;
  Array<float> device_hidden, device_norm, device_q_bias, device_kv_bias, device_head_norm, device_cos,
      device_sin, q_out;
  Array<int32_t> position, page_table, pages;
  Array<uint16_t> cache;
  Array<bf16> input;

  Problem(Shape s, const std::vector<int32_t>& positions, unsigned seed, Format format = Format::bf16,
          Format v_format = Format::bf16)
      : shape(s), lanes(positions, s.page_size), num_rows(int(positions.size())), stride(kv_stride(s.head_dim)),
        q_stride(s.num_heads * s.head_dim + 3), hidden_stride((s.columns + 3) / 4 * 4 + 4),
        q(s.num_heads * s.head_dim, s.columns, seed, s.head_dim, format),
        k(s.num_kv_heads * s.head_dim, s.columns, seed + 1, s.head_dim, format),
        v(s.num_kv_heads * s.head_dim, s.columns, seed + 2, s.head_dim, v_format), q_update(num_rows, q.rows, seed + 7),
        v_update(num_rows, v.rows, seed + 17), hidden(padded_rows(num_rows, s.columns, hidden_stride, seed + 3, NAN, 3)),
        norm(random_floats(size_t(s.columns), seed + 4)), q_bias(random_floats(size_t(q.rows), seed + 5)),
        kv_bias(random_floats(size_t(k.rows), seed + 6)), head_norm(random_floats(size_t(s.head_dim), seed + 8)),
        rope_cos(random_floats(size_t(kPositions * s.head_dim / 2), seed + 9)),
        rope_sin(random_floats(size_t(kPositions * s.head_dim / 2), seed + 10)), device_hidden(hidden), device_norm(norm),
        device_q_bias(q_bias), device_kv_bias(kv_bias), device_head_norm(head_norm), device_cos(rope_cos),
        device_sin(rope_sin), q_out(size_t(num_rows * q_stride), 7), position(lanes.position), page_table(lanes.page_table),
        pages(lanes.pages), cache(size_t(lanes.num_pages * s.num_kv_heads * 2 * s.page_size * stride), kUntouched),
        input(size_t(num_rows) * size_t(input_width(q.weight(), s.columns)), bf16{0x7fff}) {}

  QkvProblem arguments() const {
    QkvProblem p = {};
    p.q = q_out.data();
    p.q_stride = q_stride;
    p.cache = {reinterpret_cast<bf16*>(cache.data()), shape.page_size, shape.num_kv_heads, shape.head_dim};
    p.hidden = device_hidden.data();
    p.hidden_stride = hidden_stride;
    p.norm = device_norm.data();
    p.q_weight = q.weight();
    p.k_weight = k.weight();
    p.v_weight = v.weight();
    if (shape.bias) {
      p.q_bias = device_q_bias.data();
      p.k_bias = p.v_bias = device_kv_bias.data();
      p.q_update = q_update.rows.data();
      p.v_update = v_update.rows.data();
    }
    if (shape.head_norm) p.q_norm = p.k_norm = device_head_norm.data();
    p.rope_cos = device_cos.data();
    p.rope_sin = device_sin.data();
    p.places = {position.data(), page_table.data(), pages.data()};
    p.eps = kEps;
    p.columns = shape.columns;
    p.num_heads = shape.num_heads;
    p.num_rows = num_rows;
    p.input = input.data();
    return p;
  }
  // Of one row.
  QkvProblem arguments_of(int row) const {
    QkvProblem p = arguments();
    p.q += row * q_stride;
    p.hidden += row * hidden_stride;
    if (p.q_update) {
      p.q_update += row;
      p.v_update += row;
    }
    p.places.position += row;
    p.places.page_table += row;
    p.num_rows = 1;
    return p;
  }

  // The head's numbers, and how far each may be off.
  std::vector<double> head(const Weights& w, const std::vector<float>& bias, const Updates* update, int h, int r,
                           bool rotated, const std::vector<double>& x, std::vector<double>& slack) const {
    const int dim = shape.head_dim, half = dim / 2;
    std::vector<double> y;
    slack.clear();
    for (int i = 0; i < dim; ++i) {
      double size = 1;
      const int64_t o = h * dim + i;
      y.push_back(dot(w, o, x, size));
      if (shape.bias) y.back() += bias[size_t(o)];
      if (shape.bias && update) y.back() += update->at(r, o);
      slack.push_back(kRounding * size);
    }
    if (!rotated) return y;
    double scale = 1, worst = 0;
    if (shape.head_norm) {
      double squares = 0;
      for (const double value : y) squares += value * value;
      scale = 1 / std::sqrt(squares / dim + double(kEps));
      for (int i = 0; i < dim; ++i) worst = std::max(worst, slack[size_t(i)] * scale);
      for (int i = 0; i < dim; ++i) {
        y[size_t(i)] *= scale * head_norm[size_t(i)];
        slack[size_t(i)] = std::fabs(head_norm[size_t(i)]) * (slack[size_t(i)] * scale + worst * 2);
      }
    }
    for (int i = 0; i < half; ++i) {
      const size_t at = size_t(lanes.position[size_t(r)] * half + i), a = size_t(i), b = size_t(half + i);
      const double c = rope_cos[at], s = rope_sin[at], ya = y[a], yb = y[b];
      y[a] = ya * c - yb * s;
      y[b] = yb * c + ya * s;
      slack[a] = slack[b] = (slack[a] + slack[b]) * (std::fabs(c) + std::fabs(s));
    }
    return y;
  }

  void check(float added_to_hidden = 0) const {
    const std::vector<float> result = q_out.get();
    const std::vector<uint16_t> kv = cache.get();
    std::vector<bool> written(kv.size(), false);
    const int dim = shape.head_dim;
    std::vector<double> slack;
    for (int r = 0; r < num_rows; ++r) {
      std::vector<float> h(&hidden[size_t(r * hidden_stride)], &hidden[size_t(r * hidden_stride)] + shape.columns);
      for (float& value : h) value += added_to_hidden;
      const std::vector<double> x = normed(h.data(), norm, shape.columns, double(kEps));
      for (int i = 0; i < shape.num_heads; ++i) {
        const std::vector<double> y = head(q, q_bias, &q_update, i, r, true, x, slack);
        for (int d = 0; d < dim; ++d)
          check_near(result[size_t(r * q_stride + i * dim + d)], y[size_t(d)], slack[size_t(d)], "q", r, i * dim + d);
      }
      for (int64_t c = q.rows; c < q_stride; ++c) CHECK(result[size_t(r * q_stride + c)] == 7);

      const int at = lanes.position[size_t(r)];
      const int page = lanes.pages[size_t(lanes.page_table[size_t(r)] + at / shape.page_size)];
      for (int i = 0; i < shape.num_kv_heads; ++i) {
        for (int part = 0; part < 2; ++part) {
          const std::vector<double> y = head(part ? v : k, kv_bias, part ? &v_update : nullptr, i, r, part == 0, x, slack);
          const int64_t place = ((page * shape.num_kv_heads + i) * 2 + part) * shape.page_size + at % shape.page_size;
          const size_t slot = size_t(place * stride);
          for (int d = 0; d < stride; ++d) {
            const double expected = d < dim ? y[size_t(d)] : 0;
            const double tolerance = d < dim ? slack[size_t(d)] + 0x1p-8 * std::fabs(expected) : 0;
            check_near(bf16_to_f32(kv[slot + size_t(d)]), expected, tolerance, part ? "v" : "k", r, i * dim + d);
            written[slot + size_t(d)] = true;
          }
        }
      }
    }
    for (size_t i = 0; i < kv.size(); ++i) CHECK(written[i] || kv[i] == kUntouched);
  }
};

void is_right_for(Shape shape, const std::vector<int32_t>& positions, Format format = Format::bf16) {
  const Problem problem(shape, positions, 31, format);
  const QkvProblem arguments = problem.arguments();
  Stream stream;

  qkv(&arguments, 1, Order::after_previous, stream);
  stream_sync(stream);

  problem.check();
}

void is_right_on_odd_shapes() {
  is_right_for({8, 1, 1, 6, 16, false, false}, {0});
  is_right_for({24, 4, 2, 10, 16, true, false}, {0, 17, 40});
  is_right_for({200, 3, 1, 80, 32, true, false}, {299, 31});
  is_right_for({40, 2, 2, 32, 64, false, false}, {63, 64, 65, 0, 1, 2, 3, 4});
  is_right_for({40, 2, 1, 18, 16, true, false}, {5}, Format::f16);
}

void heads_are_normed() {
  is_right_for({72, 4, 2, 32, 16, false, true}, {3, 16});
  is_right_for({40, 2, 1, 70, 16, true, true}, {0, 200, 15});
  is_right_for({40, 1, 1, 256, 16, false, true}, {7}, Format::f16);
}

// v stays bf16: a head tells its matrix's format.
void every_format_is_right() {
  for (const Format format : all_formats()) {
    is_right_for({200, 3, 1, 22, 16, true, false}, {299, 31}, format);
    is_right_for({40, 1, 1, 70, 16, false, true}, {7}, format);
  }
}

void more_than_eight_rows_are_groups() {
  std::vector<int32_t> many;
  for (int i = 0; i < 34; ++i) many.push_back(i * 7);
  is_right_for({24, 1, 1, 12, 16, true, true}, many);
  is_right_for({24, 2, 1, 12, 16, true, true}, {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 40});
  is_right_for({24, 2, 1, 12, 16, true, false}, {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 40});
}

std::vector<int32_t> rising(int count) {
  std::vector<int32_t> positions;
  for (int i = 0; i < count; ++i) positions.push_back(i * 7 % kPositions);
  return positions;
}

// The third shape's heads are wider than a block; the last's matrices differ in their order. Neither is blocked.
void many_rows_are_blocked() {
  is_right_for({72, 5, 2, 12, 64, true, false}, rising(65));
  is_right_for({40, 1, 1, 70, 64, true, true}, rising(65));
  is_right_for({24, 1, 1, 136, 64, false, true}, rising(66));
  is_right_for({72, 3, 1, 80, 64, true, false}, rising(66), Format::int8);
  is_right_for({40, 2, 1, 32, 64, true, true}, rising(129), Format::f16);
  is_right_for({40, 1, 1, 16, 64, true, false}, rising(65), Format::int4_zeros);
}

void a_row_is_the_same_in_a_blocked_product() {
  for (const Format format : {Format::bf16, Format::int4_zeros}) {
    for (const Shape& shape : {Shape{200, 2, 1, 22, 64, true, false}, {136, 1, 1, 70, 64, true, true}}) {
      if (shape.head_norm == (format == Format::bf16)) continue;
      const Problem all(shape, rising(70), 9, format, format), alone(shape, rising(70), 9, format, format);
      QkvProblem arguments = all.arguments();
      arguments.k_weight.order = arguments.v_weight.order = arguments.q_weight.order;
      Stream stream;

      qkv(&arguments, 1, Order::after_previous, stream);
      for (int row = 0; row < 70; ++row) {
        if (row > 2 && row < 67) continue;
        const QkvProblem one = alone.arguments_of(row);
        qkv(&one, 1, Order::after_previous, stream);
      }
      stream_sync(stream);

      all.check();
      const std::vector<float> a = all.q_out.get(), b = alone.q_out.get();
      const std::vector<uint16_t> a_cache = all.cache.get(), b_cache = alone.cache.get();
      for (const int row : {0, 1, 2, 67, 68, 69})
        CHECK(memcmp(&a[size_t(row * all.q_stride)], &b[size_t(row * all.q_stride)], size_t(all.q.rows) * 4) == 0);
      for (size_t i = 0; i < b_cache.size(); ++i) CHECK(b_cache[i] == kUntouched || a_cache[i] == b_cache[i]);
    }
  }
}

void blocked_problems_stand_beside_others() {
  const Problem a({64, 2, 1, 16, 64, true, false}, rising(70), 1), b({24, 3, 2, 20, 64, false, true}, {9}, 2),
      c({64, 2, 2, 40, 64, true, true}, rising(129), 3);
  const QkvProblem arguments[] = {a.arguments(), b.arguments(), c.arguments()};
  const AddEight add(129, 64);
  Stream stream;

  add.run(c.device_hidden.data(), c.hidden_stride, stream);
  qkv(arguments, 3, Order::overlaps_previous, stream);
  stream_sync(stream);

  a.check();
  b.check();
  c.check(8);
}

void several_problems_are_one_launch() {
  const Problem a({64, 2, 1, 16, 16, true, false}, {2, 3}, 1), b({24, 2, 2, 20, 16, false, true}, {9}, 2);
  const QkvProblem arguments[] = {a.arguments(), b.arguments()};
  Stream stream;

  qkv(arguments, 2, Order::overlaps_previous, stream);
  stream_sync(stream);

  a.check();
  b.check();
}

void follows_a_projection_that_it_overlaps() {
  const Problem problem({64, 2, 1, 16, 16, true, true}, {1, 20}, 5);
  const QkvProblem arguments = problem.arguments();
  const AddEight add(2, 64);
  Stream stream;

  add.run(problem.device_hidden.data(), problem.hidden_stride, stream);
  qkv(&arguments, 1, Order::overlaps_previous, stream);
  stream_sync(stream);

  problem.check(8);
}

}  // namespace
}  // namespace genarm::cuda

int main(int argc, char** argv) {
  using namespace genarm::cuda;
  return run_cases(argc, argv,
                   {{"is_right_on_odd_shapes", is_right_on_odd_shapes},
                    {"heads_are_normed", heads_are_normed},
                    {"every_format_is_right", every_format_is_right},
                    {"more_than_eight_rows_are_groups", more_than_eight_rows_are_groups},
                    {"many_rows_are_blocked", many_rows_are_blocked},
                    {"a_row_is_the_same_in_a_blocked_product", a_row_is_the_same_in_a_blocked_product},
                    {"blocked_problems_stand_beside_others", blocked_problems_stand_beside_others},
                    {"several_problems_are_one_launch", several_problems_are_one_launch},
                    {"follows_a_projection_that_it_overlaps", follows_a_projection_that_it_overlaps}});
}
