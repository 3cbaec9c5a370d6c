// attention: out[r, h] = sum_s softmax_s(q . k[s] / sqrt(head_dim)) v[s] over the positions that the row sees.
#include "backends.h"

using namespace genarm_test;

namespace {

struct Shape {
  int32_t num_heads, num_kv_heads, head_dim, page_size;
};
struct Lane {
  int32_t first_position, rows;
};

constexpr int32_t kLayers = 2;

// Lanes over a cache filled with random keys and values up to each lane's last position, NaN beyond.
struct Case {
  Shape shape;
  std::vector<Lane> lanes;
  int32_t window;
  Floats q;
  std::vector<Floats> keys, values;  // [lane][position, kv head, head_dim]

  Case(Shape s, std::vector<Lane> l, int32_t w, uint64_t seed = 1) : shape(s), lanes(std::move(l)), window(w) {
    Random random(seed);
    for (const Lane& lane : lanes) {
      const size_t n = size_t(lane.first_position + lane.rows) * size_t(s.num_kv_heads * s.head_dim);
      keys.push_back(random.floats(n, 2));
      values.push_back(random.floats(n, 2));
      const Floats more = random.floats(size_t(lane.rows * s.num_heads * s.head_dim), 2);
      q.insert(q.end(), more.begin(), more.end());
    }
  }

  int64_t kv_at(int64_t position, int64_t head) const {
    return (position * shape.num_kv_heads + head) * shape.head_dim;
  }
};

Floats run(Backend& backend, const Case& c) {
  const Shape& s = c.shape;
  std::vector<int32_t> position, page_table, pages, lane_first;
  int32_t num_pages = 1;  // page 0 belongs to nobody
  for (const Lane& lane : c.lanes) {
    lane_first.push_back(int32_t(position.size()));
    for (int32_t r = 0; r < lane.rows; ++r) {
      position.push_back(lane.first_position + r);
      page_table.push_back(int32_t(pages.size()));
    }
    const int32_t count = (lane.first_position + lane.rows + s.page_size - 1) / s.page_size;
    for (int32_t p = count; p-- > 0;) pages.push_back(num_pages + p);  // backwards, so that neighbours are apart
    num_pages += count;
  }
  lane_first.push_back(int32_t(position.size()));

  const int64_t block = int64_t(2) * s.head_dim * s.page_size;
  Floats cache(size_t(kLayers * num_pages * s.num_kv_heads * block), std::nanf(""));
  int32_t pages_before = 0;
  for (size_t l = 0; l < c.lanes.size(); ++l) {
    const int32_t end = c.lanes[l].first_position + c.lanes[l].rows;
    for (int32_t p = 0; p < end; ++p) {
      for (int32_t h = 0; h < s.num_kv_heads; ++h) {
        const int64_t page = int64_t(num_pages) + pages[size_t(pages_before + p / s.page_size)], slot = p % s.page_size;
        float* at = cache.data() + (page * s.num_kv_heads + h) * block;
        for (int32_t d = 0; d < s.head_dim; ++d) {
          at[d * s.page_size + slot] = c.keys[l][size_t(c.kv_at(p, h) + d)];
          at[(s.page_size + slot) * s.head_dim + d] = c.values[l][size_t(c.kv_at(p, h) + d)];
        }
      }
    }
    pages_before += (end + s.page_size - 1) / s.page_size;
  }

  const auto out = room(backend, c.q.size()), q = put(backend, c.q), device_cache = put(backend, cache);
  const auto d_position = put(backend, position), d_table = put(backend, page_table), d_pages = put(backend, pages),
             d_first = put(backend, lane_first);
  const AttentionArgs args{out, q, {device_cache, num_pages, s.page_size, s.num_kv_heads, s.head_dim}, 1, c.window,
                           s.num_heads,
                           {d_position, d_table, d_pages, d_first, int32_t(position.size()), int32_t(c.lanes.size())}};
  backend.attention({&args, 1});
  return get(backend, out);
}

Doubles expected_row(const Case& c, size_t lane, int32_t position, const float* q, int32_t head) {
  const Shape& s = c.shape;
  const int64_t kv_head = head / (s.num_heads / s.num_kv_heads);
  const int32_t begin = c.window > 0 ? std::max(0, position - c.window + 1) : 0;
  Doubles weight, out(size_t(s.head_dim), 0.0);
  double top = -1e300, sum = 0;
  for (int32_t p = begin; p <= position; ++p) {
    double score = 0;
    for (int32_t d = 0; d < s.head_dim; ++d) score += double(q[d]) * double(c.keys[lane][size_t(c.kv_at(p, kv_head) + d)]);
    weight.push_back(score / std::sqrt(double(s.head_dim)));
    top = std::max(top, weight.back());
  }
  for (double& w : weight) sum += w = std::exp(w - top);
  for (int32_t p = begin; p <= position; ++p)
    for (int32_t d = 0; d < s.head_dim; ++d)
      out[size_t(d)] += weight[size_t(p - begin)] / sum * double(c.values[lane][size_t(c.kv_at(p, kv_head) + d)]);
  return out;
}

void check(const Case& c, const Floats& found) {
  const Shape& s = c.shape;
  size_t row = 0;
  for (size_t l = 0; l < c.lanes.size(); ++l) {
    for (int32_t r = 0; r < c.lanes[l].rows; ++r, ++row) {
      for (int32_t h = 0; h < s.num_heads; ++h) {
        const size_t at = (row * size_t(s.num_heads) + size_t(h)) * size_t(s.head_dim);
        const Doubles expected = expected_row(c, l, c.lanes[l].first_position + r, c.q.data() + at, h);
        for (size_t d = 0; d < expected.size(); ++d) CHECK_NEAR(found[at + d], expected[d], 1e-5);
      }
    }
  }
}

void a_row_attends_to_its_lane_up_to_itself() {
  on_every_backend([](Backend& backend) {
    const Shape shapes[] = {{2, 2, 16, 16}, {3, 1, 80, 32}, {4, 1, 64, 16}, {2, 1, 128, 64}, {4, 2, 6, 16}, {40, 1, 8, 16}};
    for (const Shape& s : shapes) {
      const Case decode(s, {{0, 1}, {15, 1}, {16, 1}, {255, 1}, {256, 1}, {300, 1}}, 0);
      check(decode, run(backend, decode));
      const Case mixed(s, {{0, 21}, {40, 3}, {249, 11}}, 0);
      check(mixed, run(backend, mixed));
    }
  });
}

void a_window_hides_what_is_further_back() {
  on_every_backend([](Backend& backend) {
    for (int32_t window : {1, 5, 16, 100, 257, 1000}) {
      const Case c({4, 2, 24, 16}, {{0, 20}, {30, 1}, {250, 12}, {530, 2}}, window);
      check(c, run(backend, c));
    }
  });
}

void chunks_of_a_prompt_give_the_same_bits() {
  on_every_backend([](Backend& backend) {
    for (int32_t window : {0, 40}) {
      const Case whole({4, 2, 32, 16}, {{0, 300}}, window);
      const Floats expected = run(backend, whole);
      const size_t width = 4 * 32;
      for (int32_t chunk : {1, 7, 64, 299}) {
        const int32_t begin = 300 - chunk;
        Case part = whole;
        part.lanes = {{begin, chunk}};
        part.q.assign(whole.q.begin() + int64_t(size_t(begin) * width), whole.q.end());
        CHECK(run(backend, part) == Floats(expected.begin() + int64_t(size_t(begin) * width), expected.end()));
      }
    }
  });
}

// One lane and a long context: with three threads the blocks are shared and merged by the last, with one they are not.
void every_instruction_set_and_number_of_threads_gives_the_same_bits() {
  const Case split({2, 1, 64, 32}, {{2100, 1}}, 0), rows({4, 2, 20, 16}, {{0, 33}, {600, 2}}, 300);
  same_bits_on_every_backend([&](Backend& backend) { return run(backend, split); });
  same_bits_on_every_backend([&](Backend& backend) { return run(backend, rows); });
  on_every_backend([&](Backend& backend) { check(split, run(backend, split)); });
}

void large_scores_do_not_overflow() {
  on_every_backend([](Backend& backend) {
    Case c({1, 1, 16, 16}, {{270, 1}}, 0);
    for (float& v : c.q) v *= 400;
    const Floats found = run(backend, c);
    const Doubles expected = expected_row(c, 0, 270, c.q.data(), 0);
    for (size_t d = 0; d < expected.size(); ++d) CHECK_NEAR(found[d], expected[d], 2e-3);
  });
}

}  // namespace

int main() {
  return run_tests({
      TEST(a_row_attends_to_its_lane_up_to_itself),
      TEST(a_window_hides_what_is_further_back),
      TEST(chunks_of_a_prompt_give_the_same_bits),
      TEST(every_instruction_set_and_number_of_threads_gives_the_same_bits),
      TEST(large_scores_do_not_overflow),
  });
}
