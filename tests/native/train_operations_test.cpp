// Training operations: forward against its definition in double, backward against central differences of that
// definition, on every instruction set of this machine and at odd sizes.
#include <array>
#include <cstring>

#include "train_numbers.h"

using namespace genarm_test;

namespace {

// ---- embed

void embedding_adds_gradients_by_token() {
  const int rows = 7, columns = 19;
  const std::vector<int32_t> ids = {3, 0, 3, 4, 1, 3, 0};
  Doubles table = random_values(5 * columns, 1);
  const Doubles d = random_values(size_t(rows) * columns, 2);
  const auto definition = [&] {
    Doubles y;
    for (int32_t id : ids) y.insert(y.end(), table.begin() + id * columns, table.begin() + (id + 1) * columns);
    return y;
  };
  on_every_isa([&](Operations& operations) {
    const Floats table32 = floats(table), d32 = floats(d);
    Floats out(d.size()), gradient(table.size(), 0.5f);
    const EmbedArgs args = {out.data(), table32.data(), gradient.data(), d32.data(), ids.data(), rows, columns};
    operations.embed(args);
    operations.embed_backward(args);

    check_close(out, definition(), 0);
    check_gradient(gradient, table, d, definition, 0.5);
  });
}

// ---- rms_norm

void rms_norm_of_chosen_rows_has_its_slopes() {
  const int columns = 37;
  const double eps = 1e-5;
  const std::vector<int32_t> index = {4, 0, 2};
  Doubles x = random_values(5 * columns, 3), weight = random_values(columns, 4);
  const Doubles d = random_values(index.size() * columns, 5);
  const auto definition = [&] {
    Doubles y;
    for (int32_t i : index) {
      double squares = 0;
      for (int j = 0; j < columns; ++j) squares += x[i * columns + j] * x[i * columns + j];
      for (int j = 0; j < columns; ++j) y.push_back(x[i * columns + j] * weight[j] / std::sqrt(squares / columns + eps));
    }
    return y;
  };
  on_every_isa([&](Operations& operations) {
    const Floats x32 = floats(x), weight32 = floats(weight), d32 = floats(d);
    Floats out(d.size()), scale(index.size()), dx(x.size(), 0.25f), dweight(weight.size(), 0.5f);
    const RmsNormArgs args = {out.data(), scale.data(),   x32.data(), weight32.data(), index.data(), dx.data(),
                              dweight.data(), d32.data(), float(eps), int32_t(index.size()), columns, true};
    operations.rms_norm(args);
    operations.rms_norm_backward(args);

    check_close(out, definition(), 1e-6);
    check_gradient(dx, x, d, definition, 0.25);
    check_gradient(dweight, weight, d, definition, 0.5);
  });
}

// ---- linear

struct LinearCase {
  int rows, inputs, outputs;
  Doubles x, weight, bias, residual, d;
  LinearCase(int r, int i, int o)
      : rows(r), inputs(i), outputs(o), x(random_values(size_t(r) * i, 6)), weight(random_values(size_t(o) * i, 7)),
        bias(random_values(size_t(o), 8)), residual(random_values(size_t(r) * o, 9)), d(random_values(size_t(r) * o, 10)) {}
  Doubles forward() const {
    Doubles y(residual);
    for (int r = 0; r < rows; ++r) {
      for (int o = 0; o < outputs; ++o) {
        double sum = bias[o];
        for (int i = 0; i < inputs; ++i) sum += x[size_t(r) * inputs + i] * weight[size_t(o) * inputs + i];
        y[size_t(r) * outputs + o] += sum;
      }
    }
    return y;
  }
};

struct LinearRun {
  Floats y, dx, dweight, dbias;
};
LinearRun run_linear(Operations& operations, const LinearCase& c, float start) {
  const Floats x = floats(c.x), weight = floats(c.weight), bias = floats(c.bias), residual = floats(c.residual),
               d = floats(c.d);
  LinearRun out = {Floats(c.d.size()), Floats(c.x.size(), start), Floats(c.weight.size(), start),
                   Floats(c.bias.size(), start)};
  LinearArgs args{};
  args.y = out.y.data();
  args.x = x.data();
  args.weight = weight.data();
  args.bias = bias.data();
  args.residual = residual.data();
  args.y_gradient = d.data();
  args.x_gradient = out.dx.data();
  args.weight_gradient = out.dweight.data();
  args.bias_gradient = out.dbias.data();
  args.num_rows = c.rows;
  args.inputs = c.inputs;
  args.outputs = c.outputs;
  args.accumulate = true;
  operations.linear(args);
  operations.linear_backward(args);
  return out;
}

void linear_has_its_slopes() {
  LinearCase c(13, 19, 35);
  const auto definition = [&] { return c.forward(); };
  on_every_isa([&](Operations& operations) {
    const LinearRun run = run_linear(operations, c, 0.5f);

    check_close(run.y, c.forward(), 1e-6);
    check_gradient(run.dx, c.x, c.d, definition, 0.5);
    check_gradient(run.dweight, c.weight, c.d, definition, 0.5);
    check_gradient(run.dbias, c.bias, c.d, definition, 0.5);
  });
}

void check_linear(const LinearCase& c) {
  Doubles dx(c.x.size()), dweight(c.weight.size());
  for (int r = 0; r < c.rows; ++r) {
    for (int o = 0; o < c.outputs; ++o) {
      for (int i = 0; i < c.inputs; ++i) {
        dx[size_t(r) * c.inputs + i] += c.d[size_t(r) * c.outputs + o] * c.weight[size_t(o) * c.inputs + i];
        dweight[size_t(o) * c.inputs + i] += c.d[size_t(r) * c.outputs + o] * c.x[size_t(r) * c.inputs + i];
      }
    }
  }
  const Doubles y = c.forward();
  on_every_isa([&](Operations& operations) {
    const LinearRun run = run_linear(operations, c, 0);

    check_close(run.y, y, 2e-6);
    check_close(run.dx, dx, 2e-6);
    check_close(run.dweight, dweight, 2e-6);
  });
}

// Every block of the matrix product has neighbours on each side.
void large_linear_layers_match_their_definition() {
  check_linear(kOnCuda ? LinearCase(131, 83, 150) : LinearCase(401, 523, 291));
}

// The CPU moves rows so far apart before it multiplies them.
void rows_of_whole_pages_match_their_definition() {
  check_linear(LinearCase(27, 1024, 21));
  check_linear(LinearCase(27, 21, 1024));
}

void every_instruction_set_multiplies_to_the_same_bits() {
  const LinearCase c(61, 300, 70);
  std::vector<LinearRun> runs;
  on_every_isa([&](Operations& operations) { runs.push_back(run_linear(operations, c, 0)); });
  for (const LinearRun& run : runs) {
    CHECK(run.y == runs[0].y);
    CHECK(run.dx == runs[0].dx);
    CHECK(run.dweight == runs[0].dweight);
  }
}

// To nearest, ties to even.
Doubles rounded_to_bf16(const Doubles& x) {
  Doubles out;
  for (double v : x) {
    const float narrow = float(v);
    uint32_t word;
    memcpy(&word, &narrow, 4);
    word = (word + 0x7fff + (word >> 16 & 1)) & 0xffff0000u;
    float back;
    memcpy(&back, &word, 4);
    out.push_back(double(back));
  }
  return out;
}

// Odd depths and a depth of several blocks, in forward and in each backward product.
void bf16_rounds_the_factors_alone() {
  using Sizes = std::vector<std::array<int, 3>>;
  const Sizes on_cuda = {{13, 19, 35}, {67, 72, 131}};  // within a block and a slice, beyond both; odd and even
  for (const auto& [rows, inputs, outputs] : kOnCuda ? on_cuda : Sizes{{13, 19, 35}, {401, 523, 291}, {37, 1050, 45}}) {
    const LinearCase c(rows, inputs, outputs);
    LinearCase rounded = c;
    rounded.x = rounded_to_bf16(c.x);
    rounded.weight = rounded_to_bf16(c.weight);
    const Doubles d = rounded_to_bf16(c.d), y = rounded.forward();
    Doubles dx(c.x.size()), dweight(c.weight.size());
    for (int r = 0; r < rows; ++r) {
      for (int o = 0; o < outputs; ++o) {
        const double slope = d[size_t(r) * outputs + o];
        for (int i = 0; i < inputs; ++i) {
          dx[size_t(r) * inputs + i] += slope * rounded.weight[size_t(o) * inputs + i];
          dweight[size_t(o) * inputs + i] += slope * rounded.x[size_t(r) * inputs + i];
        }
      }
    }
    on_every_isa([&](Operations& operations) {
      operations.compute_in_bf16(true);
      const LinearRun run = run_linear(operations, c, 0);

      check_close(run.y, y, 3e-6);
      check_close(run.dx, dx, 3e-6);
      check_close(run.dweight, dweight, 3e-6);
    });
  }
}

#ifndef GENARM_TRAIN_ON_CUDA
void bf16_sums_do_not_depend_on_threads() {
  const LinearCase c(150, 700, 330);
  cpu::ThreadPool one(1), three(3);
  for (cpu::Isa isa : cpu::available_isas()) {
    const auto run = [&](cpu::ThreadPool& pool) {
      const auto operations = cpu::open_train_operations(pool, isa);
      operations->compute_in_bf16(true);
      return run_linear(*operations, c, 0);
    };
    const LinearRun alone = run(one), shared = run(three);
    CHECK(alone.y == shared.y && alone.dx == shared.dx && alone.dweight == shared.dweight);
  }
}
#endif

// ---- rope

void rotation_has_its_slopes() {
  const int rows = 3, heads = 2, dim = 38, half = dim / 2;
  const std::vector<int32_t> position = {5, 0, 2};
  const Doubles cosines = random_values(6 * half, 16), sines = random_values(6 * half, 17);
  Doubles x = random_values(size_t(rows) * heads * dim, 18);
  const Doubles d = random_values(x.size(), 19);
  const auto definition = [&] {
    Doubles y = x;
    for (int r = 0; r < rows; ++r) {
      for (int h = 0; h < heads; ++h) {
        for (int j = 0; j < half; ++j) {
          const size_t low = size_t(r * heads + h) * dim + j;
          const double c = cosines[position[r] * half + j], s = sines[position[r] * half + j];
          y[low] = x[low] * c - x[low + half] * s;
          y[low + half] = x[low + half] * c + x[low] * s;
        }
      }
    }
    return y;
  };
  on_every_isa([&](Operations& operations) {
    const Floats cosines32 = floats(cosines), sines32 = floats(sines);
    Floats y = floats(x), dx = floats(d);
    operations.rope({y.data(), cosines32.data(), sines32.data(), position.data(), rows, heads, dim});
    operations.rope_backward({dx.data(), cosines32.data(), sines32.data(), position.data(), rows, heads, dim});

    check_close(y, definition(), 1e-6);
    check_gradient(dx, x, d, definition);
  });
}

// ---- swiglu

void swiglu_has_its_slopes() {
  Doubles gate = random_values(131, 24, 3), up = random_values(131, 25);
  const Doubles d = random_values(131, 26);
  const auto definition = [&] {
    Doubles y;
    for (size_t i = 0; i < gate.size(); ++i) y.push_back(gate[i] / (1 + std::exp(-gate[i])) * up[i]);
    return y;
  };
  on_every_isa([&](Operations& operations) {
    Floats dgate = floats(gate), dup = floats(up), out(gate.size());
    const Floats d32 = floats(d);
    const SwigluArgs args = {out.data(), dgate.data(), dup.data(), d32.data(), int64_t(gate.size())};
    operations.swiglu(args);
    operations.swiglu_backward(args);

    check_close(out, definition(), 1e-6);
    check_gradient(dgate, gate, d, definition);
    check_gradient(dup, up, d, definition);
  });
}

// ---- log_prob

// The first row predicts two tokens, the second none.
void log_probabilities_have_their_slopes() {
  const int rows = 4, vocab = 53;
  const std::vector<int32_t> first = {0, 2, 2, 3, 4}, target = {52, 0, 17, 30};
  Doubles logits = random_values(size_t(rows) * vocab, 27, 4);
  const Doubles d = random_values(target.size(), 28);
  const auto definition = [&] {
    Doubles y;
    for (int r = 0; r < rows; ++r) {
      double total = 0;
      for (int v = 0; v < vocab; ++v) total += std::exp(logits[r * vocab + v]);
      for (int e = first[r]; e < first[r + 1]; ++e) y.push_back(logits[r * vocab + target[e]] - std::log(total));
    }
    return y;
  };
  on_every_isa([&](Operations& operations) {
    Floats dlogits = floats(logits), lse(rows), y(target.size());
    const Floats d32 = floats(d);
    const LogProbArgs args = {dlogits.data(), lse.data(), first.data(), y.data(), target.data(), d32.data(), rows, vocab};
    operations.log_prob(args);
    operations.log_prob_backward(args);

    check_close(y, definition(), 1e-6);
    check_gradient(dlogits, logits, d, definition);
  });
}

// ---- adam

void adam_follows_its_definition() {
  const size_t size = 77;
  const Doubles weight = random_values(size, 29), gradient = random_values(size, 30), m = random_values(size, 31, 0.1);
  Doubles v = random_values(size, 32, 0.1);
  for (double& value : v) value *= value;
  const double rate = 0.01, beta1 = 0.9, beta2 = 0.99, eps = 1e-6, decay = 0.1, scale = 0.5;
  const double correction1 = 1 - std::pow(beta1, 4), correction2 = 1 - std::pow(beta2, 4);
  Doubles expected;
  for (size_t i = 0; i < size; ++i) {
    const double g = scale * gradient[i], next_m = beta1 * m[i] + (1 - beta1) * g,
                 next_v = beta2 * v[i] + (1 - beta2) * g * g;
    expected.push_back(weight[i] * (1 - rate * decay) -
                       rate * (next_m / correction1) / (std::sqrt(next_v / correction2) + eps));
  }
  on_every_isa([&](Operations& operations) {
    Floats w = floats(weight), m32 = floats(m), v32 = floats(v);
    const Floats g = floats(gradient);
    operations.adam({w.data(), m32.data(), v32.data(), g.data(), int64_t(size), float(scale), float(rate), float(beta1),
                     float(beta2), float(eps), float(decay), correction1, correction2});

    check_close(w, expected, 1e-6);
  });
}

void squares_are_summed_over_every_block() {
  const Doubles x = random_values(200003, 33);
  double expected = 0;
  for (double value : x) expected += value * value;
  on_every_isa([&](Operations& operations) {
    const Floats x32 = floats(x);
    CHECK_NEAR(operations.sum_squares(x32.data(), int64_t(x.size())), expected, 1e-6 * expected);
    CHECK(operations.sum_squares(x32.data(), 0) == 0);
  });
}

}  // namespace

int main() {
  return run_tests({TEST(embedding_adds_gradients_by_token), TEST(rms_norm_of_chosen_rows_has_its_slopes),
                    TEST(linear_has_its_slopes), TEST(large_linear_layers_match_their_definition),
                    TEST(rows_of_whole_pages_match_their_definition),
                    TEST(every_instruction_set_multiplies_to_the_same_bits),
                    TEST(bf16_rounds_the_factors_alone),
#ifndef GENARM_TRAIN_ON_CUDA
                    TEST(bf16_sums_do_not_depend_on_threads),
#endif
                    TEST(rotation_has_its_slopes),
                    TEST(swiglu_has_its_slopes), TEST(log_probabilities_have_their_slopes),
                    TEST(adam_follows_its_definition), TEST(squares_are_summed_over_every_block)});
}
