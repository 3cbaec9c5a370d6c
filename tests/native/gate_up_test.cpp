// gate_up: x = rms_norm(hidden) * norm; out = silu(gate x + bias) * (up x + bias).
#include "backends.h"

using namespace genarm_test;

namespace {

constexpr float kEps = 1e-5f;

struct Layer {
  TestMatrix gate, up;
  Floats norm, gate_bias, up_bias, hidden;
  int32_t rows;
};

Layer make_layer(Backend& backend, int32_t rows, int64_t outputs, int64_t columns, Dtype gate, Dtype up) {
  Random random(uint64_t(outputs + columns));
  Layer layer{make_matrix(backend, random, outputs, columns, gate), make_matrix(backend, random, outputs, columns, up),
              random.floats(size_t(columns)), random.floats(size_t(outputs)), random.floats(size_t(outputs)),
              random.floats(size_t(40 * columns), 3), rows};
  layer.hidden.resize(size_t(rows * columns));
  return layer;
}

Floats run(Backend& backend, const Layer& layer, bool with_bias, Span<LowRank> on_gate = {}, Span<LowRank> on_up = {}) {
  const auto out = room(backend, size_t(layer.rows * layer.gate.rows)), hidden = put(backend, layer.hidden),
             norm = put(backend, layer.norm), gate_bias = put(backend, layer.gate_bias),
             up_bias = put(backend, layer.up_bias);
  const GateUpArgs args{out, hidden, norm, layer.gate.packed.get(), layer.up.packed.get(),
                        with_bias ? gate_bias.data() : nullptr, with_bias ? up_bias.data() : nullptr, kEps, layer.rows,
                        on_gate, on_up};
  backend.gate_up({&args, 1});
  return get(backend, out);
}

void check(const Layer& layer, bool with_bias, const Floats& found, const TestUpdate* on_gate = nullptr,
           const TestUpdate* on_up = nullptr) {
  const int64_t outputs = layer.gate.rows;
  for (int32_t r = 0; r < layer.rows; ++r) {
    const Doubles x = rms_norm(row_of(layer.hidden, r, layer.gate.columns), layer.norm, kEps);
    Doubles gate = layer.gate.times(x), up = layer.up.times(x);
    for (int64_t i = 0; i < outputs; ++i) {
      double g = gate[size_t(i)], u = up[size_t(i)];
      if (with_bias) g += double(layer.gate_bias[size_t(i)]), u += double(layer.up_bias[size_t(i)]);
      if (on_gate && on_gate->covers(r)) g += on_gate->added(x, r)[size_t(i)];
      if (on_up && on_up->covers(r)) u += on_up->added(x, r)[size_t(i)];
      const double expected = g / (1 + std::exp(-g)) * u;
      CHECK_NEAR(found[size_t(r * outputs + i)], expected, 2e-5 * (1 + std::fabs(g)) * (1 + std::fabs(u)));
    }
  }
}

void the_gate_opens_what_goes_up() {
  on_every_backend([](Backend& backend) {
    for (Dtype dtype : kDtypes) {
      for (int32_t rows : {1, 2, 6, 14, 30}) {
        const Layer layer = make_layer(backend, rows, 257, 35, dtype, dtype);
        check(layer, rows % 2 == 0, run(backend, layer, rows % 2 == 0));
      }
    }
    const Layer mixed = make_layer(backend, 4, 50, 64, Dtype::f32, Dtype::bf16);
    check(mixed, true, run(backend, mixed, true));
  });
}

void a_row_does_not_depend_on_the_rows_beside_it() {
  on_every_backend([](Backend& backend) {
    const Floats alone = run(backend, make_layer(backend, 1, 80, 96, Dtype::bf16, Dtype::bf16), true);
    for (int32_t rows : {2, 5, 11, 13, 40}) {
      Floats among = run(backend, make_layer(backend, rows, 80, 96, Dtype::bf16, Dtype::bf16), true);
      among.resize(alone.size());
      CHECK(among == alone);
    }
  });
}

void every_instruction_set_and_number_of_threads_gives_the_same_bits() {
  for (int32_t rows : {1, 30}) {
    same_bits_on_every_backend([&](Backend& backend) {
      return run(backend, make_layer(backend, rows, 257, 99, Dtype::f16, Dtype::f16), true);
    });
  }
}

void low_rank_updates_come_before_the_gate() {
  on_every_backend([](Backend& backend) {
    const Layer layer = make_layer(backend, 5, 48, 33, Dtype::bf16, Dtype::bf16);
    Random random(5);
    const TestUpdate on_gate = make_update(backend, random, 48, 33, 4, 0, 0, 3);
    const TestUpdate on_up = make_update(backend, random, 48, 33, 6, 2, 2, 3);
    check(layer, true, run(backend, layer, true, {&on_gate.update, 1}, {&on_up.update, 1}), &on_gate, &on_up);
  });
}

void far_gates_are_shut_or_open() {
  on_every_backend([](Backend& backend) {
    Layer layer = make_layer(backend, 1, 2, 4, Dtype::f32, Dtype::f32);
    layer.gate_bias = {-200, 200};
    layer.up_bias = {3, 3};
    const Floats found = run(backend, layer, true);
    CHECK_NEAR(found[0], 0, 1e-30);
    check(layer, true, {found[0], found[1]});
  });
}

}  // namespace

int main() {
  return run_tests({
      TEST(the_gate_opens_what_goes_up),
      TEST(a_row_does_not_depend_on_the_rows_beside_it),
      TEST(every_instruction_set_and_number_of_threads_gives_the_same_bits),
      TEST(low_rank_updates_come_before_the_gate),
      TEST(far_gates_are_shut_or_open),
  });
}
