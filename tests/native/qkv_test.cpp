// qkv: x = rms_norm(hidden) * norm; q, k, v = W x + bias; per-head norm of q and k; rotation; append to the cache.
#include "backends.h"

using namespace genarm_test;

namespace {

struct Shape {
  int32_t num_heads, num_kv_heads, head_dim, hidden_size;
};
struct Switches {
  bool bias, norms;
  Dtype dtype;
};

constexpr float kEps = 1e-5f;
constexpr int32_t kPageSize = 16, kNumPages = 9, kLayers = 2, kPositions = 80;

struct Lane {
  int32_t first_position, rows;
  std::vector<int32_t> pages;
};

struct Layer {
  Shape shape;
  Switches switches;
  TestMatrix w[3];
  Floats bias[3], head_norm[2], norm, cos, sin;
};

Layer make_layer(Backend& backend, Shape s, Switches switches) {
  Random random(uint64_t(s.head_dim * 7 + s.hidden_size));
  const int64_t q = int64_t(s.num_heads) * s.head_dim, kv = int64_t(s.num_kv_heads) * s.head_dim;
  Layer l{s, switches, {make_matrix(backend, random, q, s.hidden_size, switches.dtype, s.head_dim),
                        make_matrix(backend, random, kv, s.hidden_size, switches.dtype, s.head_dim),
                        make_matrix(backend, random, kv, s.hidden_size, switches.dtype, s.head_dim)}, {}, {}, {}, {}, {}};
  for (int i = 0; i < 3; ++i) l.bias[i] = random.floats(size_t(l.w[i].rows));
  for (Floats& n : l.head_norm) n = random.floats(size_t(s.head_dim));
  l.norm = random.floats(size_t(s.hidden_size));
  for (int32_t p = 0; p < kPositions; ++p) {
    for (int32_t i = 0; i < s.head_dim / 2; ++i) {
      const double angle = p * std::pow(10000.0, -2.0 * i / s.head_dim);
      l.cos.push_back(float(std::cos(angle)));
      l.sin.push_back(float(std::sin(angle)));
    }
  }
  return l;
}

struct Plan {
  std::vector<int32_t> position, page_table, pages, lane_first;
  Array<int32_t> device[4];
  RowPlan rows;

  Plan(Backend& backend, const std::vector<Lane>& lanes) {
    for (const Lane& lane : lanes) {
      lane_first.push_back(int32_t(position.size()));
      for (int32_t r = 0; r < lane.rows; ++r) {
        position.push_back(lane.first_position + r);
        page_table.push_back(int32_t(pages.size()));
      }
      pages.insert(pages.end(), lane.pages.begin(), lane.pages.end());
    }
    lane_first.push_back(int32_t(position.size()));
    device[0] = put(backend, position);
    device[1] = put(backend, page_table);
    device[2] = put(backend, pages);
    device[3] = put(backend, lane_first);
    rows = {device[0], device[1], device[2], device[3], int32_t(position.size()), int32_t(lanes.size())};
  }
};

// Everything that an operation wrote: q, then the whole cache.
struct Written {
  Floats q, cache;
};

size_t cache_size(const Shape& s) {
  return size_t(kLayers) * kNumPages * size_t(s.num_kv_heads) * 2 * size_t(s.head_dim) * kPageSize;
}

Written run(Backend& backend, const Layer& l, const Floats& hidden, const std::vector<Lane>& lanes,
            Span<LowRank> q_updates = {}, Span<LowRank> k_updates = {}, Span<LowRank> v_updates = {}) {
  const Plan plan(backend, lanes);
  const Shape& s = l.shape;
  const auto q = room(backend, size_t(plan.rows.num_rows * s.num_heads * s.head_dim));
  const auto cache = put(backend, Floats(cache_size(s), 0.0f));
  const auto device_hidden = put(backend, hidden), norm = put(backend, l.norm), cos = put(backend, l.cos),
             sin = put(backend, l.sin), qn = put(backend, l.head_norm[0]), kn = put(backend, l.head_norm[1]);
  const Array<float> bias[3] = {put(backend, l.bias[0]), put(backend, l.bias[1]), put(backend, l.bias[2])};
  QkvArgs args{};
  args.q = q;
  args.cache = {cache, kNumPages, kPageSize, s.num_kv_heads, s.head_dim};
  args.layer = 1;
  args.hidden = device_hidden;
  args.norm = norm;
  args.q_proj = l.w[0].packed.get();
  args.k_proj = l.w[1].packed.get();
  args.v_proj = l.w[2].packed.get();
  if (l.switches.bias) args.q_bias = bias[0], args.k_bias = bias[1], args.v_bias = bias[2];
  if (l.switches.norms) args.q_norm = qn, args.k_norm = kn;
  args.rope_cos = cos;
  args.rope_sin = sin;
  args.eps = kEps;
  args.num_heads = s.num_heads;
  args.num_kv_heads = s.num_kv_heads;
  args.head_dim = s.head_dim;
  args.rows = plan.rows;
  args.q_low_rank = q_updates;
  args.k_low_rank = k_updates;
  args.v_low_rank = v_updates;
  backend.qkv({&args, 1});
  return {get(backend, q), get(backend, cache)};
}

// One row's q, k or v, by definition.
Doubles expected_row(const Layer& l, int which, const Floats& hidden, int32_t row, int32_t position,
                     const TestUpdate* update) {
  const Shape& s = l.shape;
  const Doubles x = rms_norm(row_of(hidden, row, s.hidden_size), l.norm, kEps);
  Doubles out = l.w[which].times(x);
  if (update && update->covers(row)) {
    const Doubles added = update->added(x, row);
    for (size_t i = 0; i < out.size(); ++i) out[i] += added[i];
  }
  if (l.switches.bias)
    for (size_t i = 0; i < out.size(); ++i) out[i] += double(l.bias[which][i]);
  const size_t dim = size_t(s.head_dim), half = dim / 2;
  for (size_t h = 0; which < 2 && h < out.size() / dim; ++h) {
    Doubles head(out.begin() + int64_t(h * dim), out.begin() + int64_t((h + 1) * dim));
    if (l.switches.norms) head = rms_norm(head, l.head_norm[which], kEps);
    for (size_t i = 0; i < half; ++i) {
      const double c = double(l.cos[size_t(position) * half + i]), n = double(l.sin[size_t(position) * half + i]);
      out[h * dim + i] = head[i] * c - head[half + i] * n;
      out[h * dim + half + i] = head[half + i] * c + head[i] * n;
    }
  }
  return out;
}

void check(const Layer& l, const Floats& hidden, const std::vector<Lane>& lanes, const Written& found,
           const TestUpdate* const* updates = nullptr) {
  const Shape& s = l.shape;
  const int64_t dim = s.head_dim;
  Doubles cache(cache_size(s), 0.0);
  int32_t row = 0;
  for (const Lane& lane : lanes) {
    for (int32_t r = 0; r < lane.rows; ++r, ++row) {
      const int32_t position = lane.first_position + r, slot = position % kPageSize;
      const Doubles q = expected_row(l, 0, hidden, row, position, updates ? updates[0] : nullptr);
      for (size_t i = 0; i < q.size(); ++i) CHECK_NEAR(found.q[size_t(row) * q.size() + i], q[i], 5e-5);
      const Doubles k = expected_row(l, 1, hidden, row, position, updates ? updates[1] : nullptr);
      const Doubles v = expected_row(l, 2, hidden, row, position, updates ? updates[2] : nullptr);
      const int64_t page = lane.pages[size_t(position / kPageSize)];
      for (int64_t h = 0; h < s.num_kv_heads; ++h) {
        const int64_t base = ((kNumPages + page) * s.num_kv_heads + h) * 2 * dim * kPageSize;
        for (int64_t d = 0; d < dim; ++d) {
          cache[size_t(base + d * kPageSize + slot)] = k[size_t(h * dim + d)];
          cache[size_t(base + (kPageSize + slot) * dim + d)] = v[size_t(h * dim + d)];
        }
      }
    }
  }
  // Every other place of the cache stays as it was.
  for (size_t i = 0; i < cache.size(); ++i) CHECK_NEAR(found.cache[i], cache[i], cache[i] == 0 ? 0 : 5e-5);
}

const std::vector<Lane> kOneLane = {{7, 1, {5, 2}}};
// Lanes that begin in the middle of a page, cross pages, and end on the last slot of one.
const std::vector<Lane> kLanes = {{14, 4, {3, 8}}, {0, 1, {1}}, {30, 18, {0, 6, 2}}, {79, 1, {4, 4, 4, 4, 7}}};

int32_t count_rows(const std::vector<Lane>& lanes) {
  int32_t rows = 0;
  for (const Lane& lane : lanes) rows += lane.rows;
  return rows;
}

void heads_are_projected_normed_rotated_and_appended() {
  on_every_backend([](Backend& backend) {
    const Shape shapes[] = {{2, 2, 16, 33}, {4, 1, 80, 40}, {6, 2, 6, 24}, {3, 3, 64, 24}, {4, 2, 128, 20}};
    int turn = 0;
    for (const Shape& shape : shapes) {
      for (const auto& lanes : {kOneLane, kLanes}) {
        const Layer l = make_layer(backend, shape, {turn % 2 == 0, turn % 3 == 0, kDtypes[turn % 3]});
        ++turn;
        Random random(1);
        const Floats hidden = random.floats(size_t(count_rows(lanes) * shape.hidden_size), 2);
        check(l, hidden, lanes, run(backend, l, hidden, lanes));
      }
    }
  });
}

void a_row_does_not_depend_on_the_rows_beside_it() {
  on_every_backend([](Backend& backend) {
    const Layer l = make_layer(backend, {4, 2, 32, 60}, {true, true, Dtype::bf16});
    Random random(2);
    const Floats hidden = random.floats(size_t(40 * 60));
    const auto first = [&](int32_t rows) {
      Floats some(hidden.begin(), hidden.begin() + rows * 60);
      Floats q = run(backend, l, some, {{10, rows, {0, 1, 2, 3}}}).q;
      q.resize(4 * 32);
      return q;
    };
    const Floats alone = first(1);
    for (int32_t rows : {2, 5, 12, 13, 25, 40}) CHECK(first(rows) == alone);
  });
}

void every_instruction_set_and_number_of_threads_gives_the_same_bits() {
  for (const auto& lanes : {kOneLane, kLanes}) {
    same_bits_on_every_backend([&](Backend& backend) {
      const Layer l = make_layer(backend, {4, 2, 20, 67}, {true, true, Dtype::bf16});
      Random random(3);
      Written w = run(backend, l, random.floats(size_t(count_rows(lanes) * 67)), lanes);
      w.q.insert(w.q.end(), w.cache.begin(), w.cache.end());
      return w.q;
    });
  }
}

void low_rank_updates_come_before_norm_and_rotation() {
  on_every_backend([](Backend& backend) {
    const Shape s{4, 2, 20, 30};
    const Layer l = make_layer(backend, s, {true, true, Dtype::f32});
    Random random(4);
    const Floats hidden = random.floats(size_t(count_rows(kLanes) * s.hidden_size));
    const TestUpdate q = make_update(backend, random, 80, 30, 8, 0, 0, 5, 20),
                     k = make_update(backend, random, 40, 30, 4, 2, 5, 18, 20),
                     v = make_update(backend, random, 40, 30, 17, 0, 2, 10, 20);
    const TestUpdate* updates[] = {&q, &k, &v};
    check(l, hidden, kLanes, run(backend, l, hidden, kLanes, {&q.update, 1}, {&k.update, 1}, {&v.update, 1}), updates);
  });
}

}  // namespace

int main() {
  return run_tests({
      TEST(heads_are_projected_normed_rotated_and_appended),
      TEST(a_row_does_not_depend_on_the_rows_beside_it),
      TEST(every_instruction_set_and_number_of_threads_gives_the_same_bits),
      TEST(low_rank_updates_come_before_norm_and_rotation),
  });
}
