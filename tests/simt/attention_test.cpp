// attention: softmax over paged keys and values, against its definition in double.
#include "fixture.h"

namespace genarm::cuda {
namespace {

struct Shape {
  int num_heads, num_kv_heads, head_dim, page_size, window;
};

// Rows of one lane, from a position on.
struct LaneRows {
  int position, rows;
  LaneRows(int first_position, int num_rows = 1) : position(first_position), rows(num_rows) {}
};

// What no row may read is NaN: slots past a lane's last position, and those before its window.
template <class T>
struct Problem {
  Shape shape;
  std::vector<int32_t> position, pages, lane_first, page_table;
  int num_rows, num_pages, max_blocks, stride;
  int64_t width, q_stride, out_stride;
  std::vector<float> q;
  std::vector<uint16_t> cache;
  Array<float> device_q;
  Array<uint16_t> device_cache;
  Array<int32_t> device_position, device_page_table, device_pages, device_lane_first;
  Array<T> out;
  Array<float> partial;
  Array<unsigned> ticket;

  Problem(Shape s, const std::vector<LaneRows>& lanes, unsigned seed, int blocks = 0)
      : shape(s), page_table(tables(s, lanes)), num_rows(int(position.size())), num_pages(int(pages.size())),
        max_blocks(std::max(blocks, *std::max_element(position.begin(), position.end()) / kAttentionBlock + 1)),
        stride(kv_stride(s.head_dim)), width(s.num_heads * s.head_dim), q_stride(width + 3), out_stride(width + 5),
        q(padded_rows(num_rows, int(width), q_stride, seed, NAN)), cache(filled(seed + 1)), device_q(q), device_cache(cache),
        device_position(position), device_page_table(page_table), device_pages(pages),
        device_lane_first(lane_first), out(size_t(num_rows * out_stride), T{0x4321}),
        partial(size_t(attention_partials(num_rows, s.num_heads, s.head_dim, max_blocks)), NAN),
        ticket(size_t(num_rows * s.num_heads), 0u) {}

  // Also position, pages and lane_first.
  std::vector<int32_t> tables(Shape s, const std::vector<LaneRows>& lanes) {
    const auto pages_of = [&](const LaneRows& lane) { return (lane.position + lane.rows - 1) / s.page_size + 1; };
    int total = 0;
    for (const LaneRows& lane : lanes) total += pages_of(lane);
    std::vector<int32_t> table;
    for (const LaneRows& lane : lanes) {
      lane_first.push_back(int32_t(position.size()));
      for (int r = 0; r < lane.rows; ++r) {
        position.push_back(lane.position + r);
        table.push_back(int32_t(pages.size()));
      }
      for (int i = 0; i < pages_of(lane); ++i) pages.push_back(total - 1 - int32_t(pages.size()));
    }
    lane_first.push_back(int32_t(position.size()));
    return table;
  }

  size_t slot(int r, int s, int kv_head, int part) const {
    const int page = pages[size_t(page_table[size_t(r)] + s / shape.page_size)];
    return size_t((((page * shape.num_kv_heads + kv_head) * 2 + part) * shape.page_size + s % shape.page_size) * stride);
  }
  int lowest(int r) const { return shape.window > 0 ? std::max(0, position[size_t(r)] - shape.window + 1) : 0; }

  std::vector<uint16_t> filled(unsigned seed) const {
    std::vector<uint16_t> values(size_t(num_pages * shape.num_kv_heads * 2 * shape.page_size * stride), 0x7fff);
    const std::vector<uint16_t> numbers = to_bf16(random_floats(values.size(), seed));
    for (int r = 0; r < num_rows; ++r)
      for (int s = lowest(r); s <= position[size_t(r)]; ++s)
        for (int i = 0; i < shape.num_kv_heads * 2; ++i)
          for (int d = 0; d < stride; ++d) {
            const size_t at = slot(r, s, i / 2, i % 2) + size_t(d);
            values[at] = d < shape.head_dim ? numbers[at] : 0;
          }
    return values;
  }

  AttentionProblem<T> arguments() const {
    AttentionProblem<T> p = {};
    p.out = out.data();
    p.out_stride = out_stride;
    p.q = device_q.data();
    p.q_stride = q_stride;
    p.cache = {reinterpret_cast<bf16*>(device_cache.data()), shape.page_size, shape.num_kv_heads, shape.head_dim};
    p.places = {device_position.data(), device_page_table.data(), device_pages.data()};
    p.partial = partial.data();
    p.ticket = ticket.data();
    p.window = shape.window;
    p.num_heads = shape.num_heads;
    p.num_rows = num_rows;
    p.num_lanes = int32_t(lane_first.size()) - 1;
    p.lane_first = device_lane_first.data();
    return p;
  }

  std::vector<double> definition(int r, int head) const {
    const int dim = shape.head_dim, kv_head = head / (shape.num_heads / shape.num_kv_heads);
    std::vector<double> weight, result(size_t(dim), 0);
    double top = -INFINITY, total = 0;
    for (int s = lowest(r); s <= position[size_t(r)]; ++s) {
      double score = 0;
      for (int d = 0; d < dim; ++d)
        score += double(q[size_t(r * q_stride + head * dim + d)]) *
                 double(bf16_to_f32(cache[slot(r, s, kv_head, 0) + size_t(d)]));
      weight.push_back(score / std::sqrt(double(dim)));
      top = std::max(top, weight.back());
    }
    for (double& w : weight) total += w = std::exp(w - top);
    for (int s = lowest(r); s <= position[size_t(r)]; ++s)
      for (int d = 0; d < dim; ++d)
        result[size_t(d)] += weight[size_t(s - lowest(r))] / total *
                             double(bf16_to_f32(cache[slot(r, s, kv_head, 1) + size_t(d)]));
    return result;
  }

  void check() const {
    const std::vector<T> result = out.get();
    for (int r = 0; r < num_rows; ++r) {
      for (int h = 0; h < shape.num_heads; ++h) {
        const std::vector<double> expected = definition(r, h);
        for (int d = 0; d < shape.head_dim; ++d)
          check_near(to_f32(result[size_t(r * out_stride + h * shape.head_dim + d)]), expected[size_t(d)],
                     (std::is_same_v<T, bf16> ? kRounding : 0x1p-11) * std::fabs(expected[size_t(d)]) + 2e-5, "out", r,
                     h * shape.head_dim + d);
      }
      for (int64_t c = width; c < out_stride; ++c) CHECK(result[size_t(r * out_stride + c)].bits == 0x4321);
    }
    for (const unsigned value : ticket.get()) CHECK(value == 0);
  }
};

template <class T>
void is_right_for(Shape shape, const std::vector<LaneRows>& lanes) {
  const Problem<T> problem(shape, lanes, 41);
  const AttentionProblem<T> arguments = problem.arguments();
  Stream stream;

  attention(&arguments, 1, problem.max_blocks, Order::after_previous, stream);
  stream_sync(stream);

  problem.check();
}

void is_right_within_a_block() {
  is_right_for<bf16>({1, 1, 6, 16, 0}, {0, 15, 16});
  is_right_for<bf16>({4, 2, 10, 16, 0}, {31, 100, 255});
  is_right_for<bf16>({3, 1, 80, 32, 0}, {77});
  is_right_for<f16>({2, 2, 256, 64, 0}, {33});
}

void blocks_are_merged() {
  is_right_for<bf16>({4, 2, 16, 16, 0}, {256, 0, 700, 511, 512});
  is_right_for<f16>({2, 1, 18, 64, 0}, {1030});
}

void more_heads_share_a_kv_head_than_a_tile_takes() {
  is_right_for<bf16>({36, 2, 8, 16, 0}, {40, 300});
  is_right_for<bf16>({17, 1, 136, 16, 0}, {40, 260});
}

// Few rows of a lane fill a tile of 16 queries with their heads, many one of 64; 7 + 1 + 18 rows are no multiple of either.
void rows_of_a_lane_share_their_keys() {
  is_right_for<bf16>({6, 2, 10, 16, 0}, {{254, 3}, {0, 1}, {17, 4}});
  is_right_for<bf16>({5, 1, 18, 16, 0}, {{250, 18}, {3, 1}, {0, 7}});
  is_right_for<f16>({2, 2, 80, 32, 0}, {{60, 33}});
  is_right_for<bf16>({2, 1, 136, 16, 0}, {{60, 17}});
  is_right_for<bf16>({3, 1, 12, 16, 9}, {{250, 23}, {0, 26}});
}

void windows_hide_what_lies_before_them() {
  is_right_for<bf16>({2, 1, 12, 16, 5}, {0, 3, 4, 5, 100, 258});
  is_right_for<bf16>({2, 1, 12, 16, 300}, {299, 300, 512, 900});
}

void several_problems_are_one_launch_and_tickets_are_left_clean() {
  const Problem<bf16> a({4, 2, 16, 16, 0}, {300, 10}, 1, 3), b({2, 1, 12, 32, 60}, {700}, 2);
  const AttentionProblem<bf16> arguments[] = {a.arguments(), b.arguments()};
  Stream stream;

  for (int i = 0; i < 2; ++i) attention(arguments, 2, 3, Order::overlaps_previous, stream);
  stream_sync(stream);

  a.check();
  b.check();
}

// Keys, values and q come from a kernel that is still running when this one begins.
void follows_a_qkv_that_it_overlaps() {
  const Problem<bf16> problem({1, 1, 32, 16, 1}, {5}, 3);
  const Weights weight(32, 32, 4, 32);
  const std::vector<float> hidden = random_floats(32, 5);
  const Array<float> device_hidden(hidden), norm(32, 1.0f), cosine(6 * 16, 1.0f), sine(6 * 16, 0.0f);
  QkvProblem before = {};
  before.q = problem.device_q.data();
  before.q_stride = problem.q_stride;
  before.cache = problem.arguments().cache;
  before.hidden = device_hidden.data();
  before.hidden_stride = 32;
  before.norm = norm.data();
  before.q_weight = before.k_weight = before.v_weight = weight.weight();
  before.rope_cos = cosine.data();
  before.rope_sin = sine.data();
  before.places = problem.arguments().places;
  before.eps = 1e-5f;
  before.columns = 32;
  before.num_heads = before.num_rows = 1;
  const AttentionProblem<bf16> arguments = problem.arguments();
  Stream stream;

  qkv(&before, 1, Order::overlaps_previous, stream);
  attention(&arguments, 1, 1, Order::overlaps_previous, stream);
  stream_sync(stream);

  const std::vector<double> x = normed(hidden.data(), std::vector<float>(32, 1), 32, 1e-5);
  const std::vector<bf16> out = problem.out.get();
  for (int d = 0; d < 32; ++d) {  // one position: its own v
    double size = 1;
    const double v = dot(weight, d, x, size);
    check_near(to_f32(out[size_t(d)]), v, 0x1p-8 * (size + std::fabs(v)), "out", 0, d);
  }
}

void a_row_does_not_depend_on_the_others() {
  const Problem<bf16> all({4, 2, 16, 16, 0}, {700, 3, 260}, 9), alone({4, 2, 16, 16, 0}, {700, 3, 260}, 9, 5);
  const AttentionProblem<bf16> arguments = all.arguments();
  AttentionProblem<bf16> first = alone.arguments();
  first.num_rows = 1;
  Stream stream;

  attention(&arguments, 1, all.max_blocks, Order::after_previous, stream);
  attention(&first, 1, alone.max_blocks, Order::after_previous, stream);
  stream_sync(stream);

  const std::vector<bf16> a = all.out.get(), b = alone.out.get();
  CHECK(memcmp(a.data(), b.data(), size_t(all.width) * sizeof(bf16)) == 0);
}

// Of one lane: all rows in tiles of 64 queries, blocks folded as they go or by a merge; every row by itself; and in
// tiles of 16.
void keeps_its_bits_however_rows_are_computed(Shape shape) {
  const auto run = [&](const std::vector<LaneRows>& parts, bool lanes, bool scratch) {
    const Problem<bf16> problem(shape, {{250, 16}}, 5);
    Stream stream;
    for (int first = 0, i = 0; i < int(parts.size()); first += parts[size_t(i++)].rows) {
      const Array<int32_t> lane_first(std::vector<int32_t>{0, parts[size_t(i)].rows});
      AttentionProblem<bf16> p = problem.arguments();
      p.q += first * p.q_stride;
      p.out += first * p.out_stride;
      p.places.position += first;
      p.places.page_table += first;
      p.num_rows = parts[size_t(i)].rows;
      p.lane_first = lanes ? lane_first.data() : nullptr;
      if (!scratch) p.partial = nullptr;
      attention(&p, 1, problem.max_blocks, Order::after_previous, stream);
      stream_sync(stream);
    }
    return problem.out.get();
  };
  const std::vector<bf16> whole = run({{250, 16}}, true, true);
  const auto same = [&](const std::vector<bf16>& other) {
    return memcmp(whole.data(), other.data(), whole.size() * sizeof(bf16)) == 0;
  };

  CHECK(same(run({{250, 16}}, true, false)));
  CHECK(same(run({{250, 16}}, false, true)));
  CHECK(same(run({{250, 3}, {253, 13}}, true, true)));
}
void a_row_does_not_depend_on_how_it_is_computed() {
  keeps_its_bits_however_rows_are_computed({6, 2, 10, 16, 0});
  keeps_its_bits_however_rows_are_computed({3, 1, 72, 16, 40});
}

}  // namespace
}  // namespace genarm::cuda

int main(int argc, char** argv) {
  using namespace genarm::cuda;
  return run_cases(argc, argv,
                   {{"is_right_within_a_block", is_right_within_a_block},
                    {"blocks_are_merged", blocks_are_merged},
                    {"more_heads_share_a_kv_head_than_a_tile_takes", more_heads_share_a_kv_head_than_a_tile_takes},
                    {"rows_of_a_lane_share_their_keys", rows_of_a_lane_share_their_keys},
                    {"windows_hide_what_lies_before_them", windows_hide_what_lies_before_them},
                    {"several_problems_are_one_launch_and_tickets_are_left_clean",
                     several_problems_are_one_launch_and_tickets_are_left_clean},
                    {"follows_a_qkv_that_it_overlaps", follows_a_qkv_that_it_overlaps},
                    {"a_row_does_not_depend_on_the_others", a_row_does_not_depend_on_the_others},
                    {"a_row_does_not_depend_on_how_it_is_computed", a_row_does_not_depend_on_how_it_is_computed}});
}
