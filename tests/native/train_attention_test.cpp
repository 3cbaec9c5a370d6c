// Attention of packed pairs: forward against its definition in double, backward against central differences of it.
#include "train_numbers.h"

using namespace genarm_test;

namespace {

// Two groups: a prompt longer than a block with two responses, and a lone sequence.
struct AttentionCase {
  std::vector<Segment> segments = {{0, 70, -1}, {70, 67, 0}, {137, 3, 0}, {140, 5, -1}};
  std::vector<int32_t> group_first = {0, 3, 4};
  static constexpr int rows = 145, heads = 4, kv_heads = 2, dim = 18;
  int window = 0;
  Doubles q = random_values(rows * heads * dim, 20), k = random_values(rows * kv_heads * dim, 21);
  Doubles v = random_values(rows * kv_heads * dim, 22), d = random_values(rows * heads * dim, 23);

  Packing packing() const { return {segments.data(), group_first.data(), 2, rows, 137}; }

  // Rows that a row sees, in the order of their positions.
  std::vector<int> keys(const Segment& s, int i) const {
    std::vector<int> out;
    if (s.parent >= 0) {
      const Segment& parent = segments[size_t(s.parent)];
      for (int j = 0; j < parent.length; ++j) out.push_back(parent.first + j);
    }
    for (int j = 0; j <= i; ++j) out.push_back(s.first + j);
    if (window > 0 && int(out.size()) > window) out.erase(out.begin(), out.end() - window);
    return out;
  }
  void attend(Doubles& out, int row, int head, const std::vector<int>& from) const {
    const int kv = head / (heads / kv_heads);
    Doubles p;
    double total = 0;
    for (int key : from) {
      double dot = 0;
      for (int j = 0; j < dim; ++j) dot += q[(row * heads + head) * dim + j] * k[(key * kv_heads + kv) * dim + j];
      p.push_back(std::exp(dot / std::sqrt(double(dim))));
      total += p.back();
    }
    for (size_t n = 0; n < from.size(); ++n) {
      for (int j = 0; j < dim; ++j) {
        out[(row * heads + head) * dim + j] += p[n] / total * v[(from[n] * kv_heads + kv) * dim + j];
      }
    }
  }
  Doubles forward() const {
    Doubles out(q.size());
    for (const Segment& s : segments) {
      for (int i = 0; i < s.length; ++i) {
        for (int head = 0; head < heads; ++head) attend(out, s.first + i, head, keys(s, i));
      }
    }
    return out;
  }
};

void check_attention(int window) {
  AttentionCase c;
  c.window = window;
  const auto definition = [&] { return c.forward(); };
  on_every_isa([&](Operations& operations) {
    const Floats q = floats(c.q), k = floats(c.k), v = floats(c.v), d = floats(c.d);
    Floats out(q.size()), lse(c.rows * c.heads), dq(q.size(), 9), dk(k.size(), 9), dv(v.size(), 9);
    const AttentionArgs args = {out.data(), lse.data(), q.data(),  k.data(),  v.data(), d.data(),   dq.data(),
                                dk.data(),  dv.data(),  c.packing(), c.heads, c.kv_heads, c.dim, c.window};
    operations.attention(args);
    operations.attention_backward(args);

    check_close(out, c.forward(), 2e-6);
    check_gradient(dq, c.q, c.d, definition, 0, 997);
    check_gradient(dk, c.k, c.d, definition, 0, 499);
    check_gradient(dv, c.v, c.d, definition, 0, 499);
  });
}

void attention_over_shared_prompts_has_its_slopes() { check_attention(0); }
void attention_within_a_window_has_its_slopes() { check_attention(11); }

}  // namespace

int main() {
  return run_tests(
      {TEST(attention_over_shared_prompts_has_its_slopes), TEST(attention_within_a_window_has_its_slopes)});
}
