// Quantised weights (int8, int4, GPTQ) and int8 activations, by way of embed, project and gate_up.
#include <algorithm>
#include <cmath>

#include "backends.h"
#include "error.h"

using namespace genarm_test;

namespace {

constexpr Dtype kQuantised[] = {Dtype::int8, Dtype::int4};

float as_f16(float value) { return f16_to_f32(f32_to_f16(value)); }

// What a weight becomes: the definitions of Q8_0 and Q4_0, one group of 32 columns of a row.
Floats rounded_group(const Floats& x, Dtype dtype) {
  float largest = 0;
  for (float v : x)
    if (std::fabs(v) > std::fabs(largest)) largest = v;
  Floats out;
  const float scale = dtype == Dtype::int8 ? std::fabs(largest) / 127 : largest / -8;
  for (float v : x) {
    const float y = scale == 0 ? 0 : v * (1 / scale);
    const float q = dtype == Dtype::int8 ? std::round(y) : std::min(15.0f, std::floor(y + 8.5f)) - 8;
    out.push_back(q * as_f16(scale));
  }
  return out;
}

Floats rounded(const Floats& values, int64_t columns, Dtype dtype) {
  Floats out;
  for (size_t row = 0; row < values.size(); row += size_t(columns)) {
    for (int64_t k = 0; k < columns; k += 32) {
      const auto begin = values.begin() + int64_t(row) + k;
      const Floats group = rounded_group(Floats(begin, begin + std::min<int64_t>(32, columns - k)), dtype);
      out.insert(out.end(), group.begin(), group.end());
    }
  }
  return out;
}

// A quantised matrix; its values are what the weights became.
TestMatrix quantise(Backend& backend, Random& random, int64_t rows, int64_t columns, Dtype dtype, int64_t row_group = 0) {
  const Floats values = random.floats(size_t(rows * columns));
  TestMatrix m{rows, columns, rounded(values, columns, dtype), nullptr};
  m.packed = backend.pack({values.data(), Dtype::f32, rows, columns, row_group}, dtype);
  return m;
}

// A GPTQ layer as a file has it.
struct Gptq {
  std::vector<uint32_t> qweight, qzeros;
  std::vector<uint16_t> scales;
  std::vector<int32_t> group;
  Floats values;
};

Gptq make_gptq(Random& random, int64_t rows, int64_t columns, int64_t group_size, bool scattered, int32_t zero_offset) {
  const int64_t groups = (columns + group_size - 1) / group_size;
  Gptq g;
  for (int64_t i = 0; i < columns / 8 * rows; ++i) g.qweight.push_back(uint32_t(random.next()));
  for (int64_t i = 0; i < groups * rows / 8; ++i) g.qzeros.push_back(uint32_t(random.next()));
  for (int64_t i = 0; i < groups * rows; ++i) g.scales.push_back(f32_to_f16(float(random.uniform() + 0.01) / 8));
  for (int64_t k = 0; k < columns; ++k) g.group.push_back(int32_t(k / group_size));
  if (scattered)
    for (int64_t k = columns - 1; k > 0; --k) std::swap(g.group[size_t(k)], g.group[size_t(random.next() % uint64_t(k + 1))]);
  for (int64_t o = 0; o < rows; ++o) {
    for (int64_t k = 0; k < columns; ++k) {
      const int64_t at = g.group[size_t(k)];
      const uint32_t q = g.qweight[size_t(k / 8 * rows + o)] >> (k % 8 * 4) & 15;
      const uint32_t stored = g.qzeros[size_t(at * rows / 8 + o / 8)] >> (o % 8 * 4) & 15;
      const float scale = f16_to_f32(g.scales[size_t(at * rows + o)]);
      g.values.push_back(scale * float(int(q) - int((stored + uint32_t(zero_offset)) & 15)));
    }
  }
  return g;
}

const uint8_t* bytes(const void* p) { return static_cast<const uint8_t*>(p); }

TestMatrix pack(Backend& backend, const Gptq& g, int64_t rows, int64_t columns, int32_t zero_offset) {
  TestMatrix m{rows, columns, g.values, nullptr};
  m.packed = backend.pack({bytes(g.qweight.data()), bytes(g.qzeros.data()), bytes(g.scales.data()), g.group.data(), rows,
                           columns, int64_t(g.scales.size()) / rows, 0, zero_offset});
  return m;
}

TestMatrix gptq(Backend& backend, Random& random, int64_t rows, int64_t columns, int64_t group_size, bool scattered,
                int32_t zero_offset = 1) {
  return pack(backend, make_gptq(random, rows, columns, group_size, scattered, zero_offset), rows, columns, zero_offset);
}

Floats project(Backend& backend, const TestMatrix& weight, const Floats& x, Span<LowRank> updates = {}) {
  const int32_t rows = int32_t(int64_t(x.size()) / weight.columns);
  const auto hidden = put(backend, Floats(size_t(rows * weight.rows), 0.0f)), inputs = put(backend, x);
  const ProjectArgs args{hidden, inputs, weight.packed.get(), nullptr, rows, updates};
  backend.project({&args, 1});
  return get(backend, hidden);
}

// The rows of a matrix as embed reads them.
Floats read_rows(Backend& backend, const TestMatrix& matrix) {
  std::vector<int32_t> rows;
  for (int64_t i = 0; i < matrix.rows; ++i) rows.push_back(int32_t(i));
  const auto out = room(backend, size_t(matrix.rows * matrix.columns));
  const auto ids = put(backend, rows);
  const EmbedArgs args{out, ids, matrix.packed.get(), int32_t(matrix.rows)};
  backend.embed({&args, 1});
  return get(backend, out);
}

// Inputs as Q8_0 rounds them.
Floats rounded_inputs(const Floats& x, int64_t columns) {
  Floats out = x;
  for (size_t row = 0; row < x.size(); row += size_t(columns)) {
    for (int64_t k = 0; k < columns; k += 32) {
      const int64_t end = std::min(columns, k + 32);
      float largest = 0;
      for (int64_t i = k; i < end; ++i) largest = std::max(largest, std::fabs(x[row + size_t(i)]));
      const float unit = largest / 127;
      for (int64_t i = k; i < end && unit > 0; ++i)
        out[row + size_t(i)] = std::nearbyint(x[row + size_t(i)] * (1 / unit)) * unit;
    }
  }
  return out;
}

void check_products(const TestMatrix& weight, const Floats& x, const Floats& found) {
  for (size_t r = 0; r < x.size() / size_t(weight.columns); ++r) {
    const Doubles expected = weight.times(row_of(x, int64_t(r), weight.columns));
    for (size_t i = 0; i < expected.size(); ++i) CHECK_NEAR(found[r * expected.size() + i], expected[i], 3e-5);
  }
}

struct Activations {
  Activations(Backend& b, Dtype dtype) : backend(b) { backend.set_activations(dtype); }
  ~Activations() { backend.set_activations(Dtype::f32); }
  Backend& backend;
};

void weights_are_rounded_as_q8_0_and_q4_0() {
  on_every_backend([](Backend& backend) {
    for (Dtype dtype : kQuantised) {
      Random random(3);
      for (int64_t columns : {1, 31, 32, 100}) {
        const TestMatrix m = quantise(backend, random, 37, columns, dtype);
        CHECK(read_rows(backend, m) == m.values);
      }
    }
  });
}

void a_row_of_zeros_or_of_tiny_weights_is_zero() {
  on_every_backend([](Backend& backend) {
    for (Dtype dtype : kQuantised) {
      Floats values(3 * 32, 0.0f);
      for (size_t k = 32; k < 96; ++k) values[k] = k < 64 ? 1e-40f : -3e-9f;
      TestMatrix m{3, 32, Floats(96, 0.0f), nullptr};
      m.packed = backend.pack({values.data(), Dtype::f32, 3, 32, 0}, dtype);
      CHECK(read_rows(backend, m) == m.values);
    }
  });
}

void the_bits_of_a_weight_are_those_of_the_format() {
  Random random(4);
  Backend& backend = *backends().front();
  CHECK(quantise(backend, random, 64, 256, Dtype::int8).packed->bytes * 8 == 64 * 256 * 17 / 2);
  CHECK(quantise(backend, random, 64, 256, Dtype::int4).packed->bytes * 8 == 64 * 256 * 9 / 2);
  // 4 bits a weight, and for every 128 of them a scale and a zero.
  CHECK(gptq(backend, random, 64, 512, 128, true).packed->bytes * 8 == 64 * 512 * 4 + 64 * 4 * 24);
}

void products_with_f32_inputs_have_the_bits_of_the_weights_as_f32() {
  on_every_backend([](Backend& backend) {
    for (Dtype dtype : kQuantised) {
      Random random(5);
      const TestMatrix m = quantise(backend, random, 257, 100, dtype);
      TestMatrix same{m.rows, m.columns, m.values, nullptr};
      same.packed = backend.pack({m.values.data(), Dtype::f32, m.rows, m.columns, 0}, Dtype::f32);
      for (int32_t rows = 1; rows <= 19; ++rows) {
        const Floats x = random.floats(size_t(rows * m.columns));
        CHECK(project(backend, m, x) == project(backend, same, x));
      }
    }
  });
}

void gptq_layers_keep_every_weight() {
  on_every_backend([](Backend& backend) {
    Random random(6);
    for (bool scattered : {false, true}) {
      for (int64_t group_size : {16, 32, 64, 128, 200}) {
        for (int32_t zero_offset : {0, 1}) {
          const TestMatrix m = gptq(backend, random, 56, 200, group_size, scattered, zero_offset);
          const Floats x = random.floats(size_t(3 * m.columns));
          check_products(m, x, project(backend, m, x));
        }
      }
    }
  });
}

void the_worked_gptq_word_is_read() {
  const Gptq g{std::vector<uint32_t>(8, 0x1c9780f3), {0x77777777}, std::vector<uint16_t>(8, f32_to_f16(0.01f)),
               std::vector<int32_t>(8, 0), {}};
  const float scale = as_f16(0.01f);
  on_every_backend([&](Backend& backend) {
    const TestMatrix m = pack(backend, g, 8, 8, 1);
    for (int k = 0; k < 8; ++k) {
      Floats x(8, 0.0f);
      x[size_t(k)] = 1;
      const int expected[] = {-5, 7, -8, 0, -1, 1, 4, -7};
      CHECK(project(backend, m, x) == Floats(8, scale * float(expected[k])));
    }
  });
}

void products_with_int8_inputs_are_those_of_the_rounded_inputs() {
  on_every_backend([](Backend& backend) {
    const Activations int8(backend, Dtype::int8);
    Random random(7);
    std::vector<TestMatrix> matrices;
    for (Dtype dtype : kQuantised) matrices.push_back(quantise(backend, random, 257, 100, dtype));
    for (int64_t size : {32, 64, 200}) matrices.push_back(gptq(backend, random, 120, 200, size, false));
    for (const TestMatrix& m : matrices) {
      for (int32_t rows = 1; rows <= 19; ++rows) {
        const Floats x = random.floats(size_t(rows * m.columns));
        check_products(m, rounded_inputs(x, m.columns), project(backend, m, x));
      }
    }
  });
}

void int8_inputs_leave_other_matrices_as_they_are() {
  on_every_backend([](Backend& backend) {
    Random random(8);
    const TestMatrix plain = make_matrix(backend, random, 70, 96, Dtype::bf16);
    const TestMatrix ordered = gptq(backend, random, 72, 96, 32, true);
    for (int32_t rows : {1, 4, 15}) {
      const Floats x = random.floats(size_t(rows * 96));
      const Floats exact = project(backend, plain, x), exact_ordered = project(backend, ordered, x);
      const Activations int8(backend, Dtype::int8);
      CHECK(project(backend, plain, x) == exact);
      CHECK(project(backend, ordered, x) == exact_ordered);
    }
  });
}

void a_row_does_not_depend_on_the_rows_beside_it() {
  on_every_backend([](Backend& backend) {
    for (Dtype activations : {Dtype::f32, Dtype::int8}) {
      const Activations set(backend, activations);
      Random random(9);
      std::vector<TestMatrix> matrices;
      for (Dtype dtype : kQuantised) matrices.push_back(quantise(backend, random, 144, 130, dtype));
      matrices.push_back(gptq(backend, random, 144, 136, 32, true));
      for (const TestMatrix& m : matrices) {
        const Floats x = random.floats(size_t(27 * m.columns));
        const Floats alone = project(backend, m, Floats(x.begin(), x.begin() + m.columns));
        for (int32_t rows = 2; rows <= 27; ++rows) {
          Floats among = project(backend, m, Floats(x.begin(), x.begin() + rows * m.columns));
          among.resize(alone.size());
          CHECK(among == alone);
        }
      }
    }
  });
}

void every_instruction_set_and_number_of_threads_gives_the_same_bits() {
  for (Dtype activations : {Dtype::f32, Dtype::int8}) {
    for (Dtype dtype : kQuantised) {
      same_bits_on_every_backend([&](Backend& backend) {
        const Activations set(backend, activations);
        Random random(10);
        const TestMatrix m = quantise(backend, random, 257, 132, dtype);
        return project(backend, m, random.floats(size_t(7 * m.columns)));
      });
    }
    same_bits_on_every_backend([&](Backend& backend) {
      const Activations set(backend, activations);
      Random random(10);
      const TestMatrix m = gptq(backend, random, 64, 160, 64, false);
      return project(backend, m, random.floats(size_t(7 * m.columns)));
    });
  }
}

void the_largest_numbers_do_not_overflow() {
  on_every_backend([](Backend& backend) {
    const Activations int8(backend, Dtype::int8);
    for (Dtype dtype : kQuantised) {
      for (float sign : {-1.0f, 1.0f}) {
        const Floats values(17 * 64, sign);
        TestMatrix m{17, 64, rounded(values, 64, dtype), nullptr};
        m.packed = backend.pack({values.data(), Dtype::f32, 17, 64, 0}, dtype);
        for (float x : {-1.0f, 1.0f}) check_products(m, Floats(64, x), project(backend, m, Floats(64, x)));
      }
    }
  });
}

void an_input_that_is_not_finite_shows() {
  on_every_backend([](Backend& backend) {
    const Activations int8(backend, Dtype::int8);
    Random random(11);
    const TestMatrix m = quantise(backend, random, 16, 64, Dtype::int8);
    for (float bad : {NAN, INFINITY, -INFINITY}) {
      Floats x = random.floats(2 * 64);
      x[70] = bad;
      const Floats y = project(backend, m, x);
      for (size_t i = 0; i < 32; ++i) CHECK(std::isfinite(y[i]) == (i < 16));
    }
  });
}

void low_rank_updates_read_f32_inputs() {
  on_every_backend([](Backend& backend) {
    const Activations int8(backend, Dtype::int8);
    Random random(12);
    const TestMatrix m = quantise(backend, random, 70, 40, Dtype::int4);
    const Floats x = random.floats(5 * 40);
    const TestUpdate lora = make_update(backend, random, 70, 40, 8, 0, 1, 3);
    const Floats without = project(backend, m, x), with = project(backend, m, x, {&lora.update, 1});
    for (int32_t r = 0; r < 5; ++r) {
      const Doubles added = lora.added(row_of(x, r, 40), r);
      for (size_t i = 0; i < 70; ++i) {
        const size_t at = size_t(r) * 70 + i;
        CHECK_NEAR(with[at], double(without[at]) + (lora.covers(r) ? added[i] : 0), 2e-5);
      }
    }
  });
}

void gate_and_up_may_be_packed_differently() {
  on_every_backend([](Backend& backend) {
    Random random(13);
    TestMatrix gates[] = {gptq(backend, random, 40, 64, 32, true), quantise(backend, random, 40, 64, Dtype::int8),
                          make_matrix(backend, random, 40, 64, Dtype::f16)};
    const Floats norm(64, 1.0f), hidden = random.floats(3 * 64);
    for (const TestMatrix& gate : gates) {
      for (const TestMatrix& up : gates) {
        const auto out = room(backend, 3 * 40), in = put(backend, hidden), weight = put(backend, norm);
        GateUpArgs args{out, in, weight, gate.packed.get(), up.packed.get(), nullptr, nullptr, 1e-5f, 3, {}, {}};
        backend.gate_up({&args, 1});
        const Floats found = get(backend, out);
        for (int32_t r = 0; r < 3; ++r) {
          const Doubles x = rms_norm(row_of(hidden, r, 64), norm, 1e-5), g = gate.times(x), u = up.times(x);
          for (size_t i = 0; i < 40; ++i) {
            const double expected = g[i] / (1 + std::exp(-g[i])) * u[i];
            CHECK_NEAR(found[size_t(r) * 40 + i], expected, 2e-6 * (10 + std::fabs(expected)));
          }
        }
      }
    }
  });
}

void weights_that_cannot_be_quantised_are_refused() {
  for (float bad : {NAN, INFINITY, 1e9f}) {
    Floats values(64, 1.0f);
    values[40] = bad;
    std::string said;
    try {
      backends().front()->pack({values.data(), Dtype::f32, 2, 32, 0}, Dtype::int4);
    } catch (const Error& error) {
      said = error.what();
    }
    CHECK(said == "weights to be quantised must be finite and at most 524032 in magnitude");
  }
}

}  // namespace

int main() {
  return run_tests({
      TEST(weights_are_rounded_as_q8_0_and_q4_0),
      TEST(a_row_of_zeros_or_of_tiny_weights_is_zero),
      TEST(the_bits_of_a_weight_are_those_of_the_format),
      TEST(products_with_f32_inputs_have_the_bits_of_the_weights_as_f32),
      TEST(gptq_layers_keep_every_weight),
      TEST(the_worked_gptq_word_is_read),
      TEST(products_with_int8_inputs_are_those_of_the_rounded_inputs),
      TEST(int8_inputs_leave_other_matrices_as_they_are),
      TEST(a_row_does_not_depend_on_the_rows_beside_it),
      TEST(every_instruction_set_and_number_of_threads_gives_the_same_bits),
      TEST(the_largest_numbers_do_not_overflow),
      TEST(an_input_that_is_not_finite_shows),
      TEST(low_rank_updates_read_f32_inputs),
      TEST(gate_and_up_may_be_packed_differently),
      TEST(weights_that_cannot_be_quantised_are_refused),
  });
}
