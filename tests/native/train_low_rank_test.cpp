// Low-rank updates, LoRA and preference-conditioned: forward against its definition in double, backward against central
// differences of that definition, on every instruction set of this machine.
#include "noise.h"
#include "train_numbers.h"

using namespace genarm_test;

namespace {

struct LowRankCase {
  static constexpr int rows = 9, inputs = 70, outputs = 21, rank = 3;
  static constexpr float scale = 1.75f;
  Dropout dropout{0.25f, 0x123456789abcdefull, 100, 7, 3};
  Doubles x = random_values(rows * inputs, 11), a = random_values(rank * inputs, 12), b = random_values(outputs * rank, 13);
  Doubles d = random_values(rows * outputs, 14), y = random_values(rows * outputs, 15);

  double kept(int r, int j) const {
    if (dropout.rate == 0) return 1;
    const uint32_t word = philox(dropout.seed, uint32_t(j / 4), dropout.first_row + uint32_t(r), dropout.module,
                                 dropout.update).word[j % 4];
    return word < dropout.rate * 4294967296.0 ? 0 : 1 / (1 - dropout.rate);
  }
  Doubles forward() const {
    Doubles out = y;
    for (int r = 0; r < rows; ++r) {
      for (int k = 0; k < rank; ++k) {
        double h = 0;
        for (int j = 0; j < inputs; ++j) h += scale * x[r * inputs + j] * kept(r, j) * a[k * inputs + j];
        for (int o = 0; o < outputs; ++o) out[r * outputs + o] += h * b[o * rank + k];
      }
    }
    return out;
  }
};

void check_low_rank(LowRankCase c) {
  const auto definition = [&] { return c.forward(); };
  on_every_isa([&](Operations& operations) {
    const Floats x = floats(c.x), a = floats(c.a), b = floats(c.b), d = floats(c.d);
    Floats y = floats(c.y), h(c.rows * c.rank), dropped(c.x.size()), dh(h.size());
    Floats dx(c.x.size(), 0.5f), da(c.a.size(), 0.5f), db(c.b.size(), 0.5f);
    const LowRankArgs args = {y.data(), h.data(), x.data(), a.data(), b.data(), dropped.data(), dh.data(), d.data(),
                              dx.data(), da.data(), db.data(), c.scale, c.dropout, c.rows, c.inputs, c.outputs, c.rank, {}};
    operations.low_rank(args);
    operations.low_rank_backward(args);

    check_close(y, c.forward(), 1e-6);
    check_gradient(dx, c.x, c.d, definition, 0.5);
    check_gradient(da, c.a, c.d, definition, 0.5);
    check_gradient(db, c.b, c.d, definition, 0.5);
  });
}

void low_rank_updates_have_their_slopes() {
  LowRankCase c;
  c.dropout.rate = 0;
  check_low_rank(c);
}

void dropout_is_counted_and_has_its_slopes() { check_low_rank(LowRankCase()); }

// C = blockdiag(W1, sum over k of p[k] W2[k]) between A and B.
struct ConditionedCase : LowRankCase {
  static constexpr int r1 = 3, r2 = 5, r = r1 + r2, objectives = 3;
  Doubles big_a = random_values(r * inputs, 41), big_b = random_values(outputs * r, 42);
  Doubles w1 = random_values(r1 * r1, 43, 0.3), w2 = random_values(objectives * r2 * r2, 44, 0.3);
  Doubles preference = {0.5, 0.125, 0.375};

  double c(int i, int j) const {
    if (i < r1 && j < r1) return w1[i * r1 + j];
    if (i < r1 || j < r1) return 0;
    double sum = 0;
    for (int k = 0; k < objectives; ++k) sum += preference[k] * w2[k * r2 * r2 + (i - r1) * r2 + j - r1];
    return sum;
  }
  Doubles forward() const {
    Doubles out = y;
    for (int row = 0; row < rows; ++row) {
      double h[r] = {}, t[r] = {};
      for (int k = 0; k < r; ++k) {
        for (int j = 0; j < inputs; ++j) h[k] += scale * x[row * inputs + j] * kept(row, j) * big_a[k * inputs + j];
      }
      for (int i = 0; i < r; ++i) {
        for (int j = 0; j < r; ++j) t[i] += c(i, j) * h[j];
      }
      for (int o = 0; o < outputs; ++o) {
        for (int k = 0; k < r; ++k) out[row * outputs + o] += t[k] * big_b[o * r + k];
      }
    }
    return out;
  }
};

void conditioned_updates_have_their_slopes() {
  ConditionedCase c;
  const auto definition = [&] { return c.forward(); };
  on_every_isa([&](Operations& operations) {
    const Floats x = floats(c.x), a = floats(c.big_a), b = floats(c.big_b), d = floats(c.d), p = floats(c.preference);
    const Floats w1 = floats(c.w1), w2 = floats(c.w2);
    Floats y = floats(c.y), h(size_t(c.rows) * c.r), dropped(c.x.size()), dh(h.size()), t(h.size()), dt(h.size());
    Floats dx(c.x.size(), 0.5f), da(a.size(), 0.5f), db(b.size(), 0.5f), dw1(w1.size(), 0.5f), dw2(w2.size(), 0.5f);
    Floats mixed(c.r2 * c.r2);
    const LowRankCore core = {w1.data(), w2.data(), p.data(), dw1.data(), dw2.data(), t.data(), dt.data(), mixed.data(),
                              c.r1, c.objectives};
    const LowRankArgs args = {y.data(), h.data(), x.data(), a.data(), b.data(), dropped.data(), dh.data(), d.data(),
                              dx.data(), da.data(), db.data(), c.scale, c.dropout, c.rows, c.inputs, c.outputs, c.r, core};
    operations.low_rank(args);
    std::fill(mixed.begin(), mixed.end(), 9.0f);
    operations.low_rank_backward(args);

    check_close(y, c.forward(), 2e-6);
    check_gradient(dx, c.x, c.d, definition, 0.5);
    check_gradient(da, c.big_a, c.d, definition, 0.5);
    check_gradient(db, c.big_b, c.d, definition, 0.5);
    check_gradient(dw1, c.w1, c.d, definition, 0.5);
    check_gradient(dw2, c.w2, c.d, definition, 0.5);
  });
}

}  // namespace

int main() {
  return run_tests({TEST(low_rank_updates_have_their_slopes), TEST(dropout_is_counted_and_has_its_slopes),
                    TEST(conditioned_updates_have_their_slopes)});
}
