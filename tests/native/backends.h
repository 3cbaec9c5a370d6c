// What tests of operations share: every backend to run on, arrays in its memory, numbers to fill them with, and the
// definitions in double that several operations need.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "backend.h"
#include "check.h"
#include "cpu/cpu_backend.h"
#include "half.h"

namespace genarm_test {

using namespace genarm;
using Doubles = std::vector<double>;
using Floats = std::vector<float>;

// The CPU at every instruction set of this machine, with one thread and with three.
inline std::vector<std::unique_ptr<Backend>>& backends() {
  static std::vector<std::unique_ptr<Backend>> all = [] {
    std::vector<std::unique_ptr<Backend>> list;
    for (cpu::Isa isa : cpu::available_isas())
      for (int threads : {1, 3}) list.push_back(std::make_unique<cpu::CpuBackend>(threads, isa));
    return list;
  }();
  return all;
}

template <class Test>
void on_every_backend(Test test) {
  for (auto& backend : backends()) {
    const int before = failures;
    test(*backend);
    if (failures != before) std::fprintf(stderr, "  on %s\n", backend->description().c_str());
  }
}

// run(backend) gives a vector that is the same, bit for bit, on every CPU backend.
template <class Run>
void same_bits_on_every_backend(Run run) {
  const auto expected = run(*backends().front());
  on_every_backend([&](Backend& backend) { CHECK(run(backend) == expected); });
}

template <class T>
struct Array {
  std::unique_ptr<Buffer> buffer;
  size_t size;
  operator T*() const { return data(); }
  T* data() const { return buffer->as<T>(); }
};

template <class T>
Array<T> put(Backend& backend, const std::vector<T>& values) {
  Array<T> array{backend.allocate(values.size() * sizeof(T) + 1), values.size()};
  backend.upload(array.buffer->data, values.data(), values.size() * sizeof(T));
  return array;
}

// What an operation must write: NaN before.
inline Array<float> room(Backend& backend, size_t size) { return put(backend, Floats(size, std::nanf(""))); }

template <class T>
std::vector<T> get(Backend& backend, const Array<T>& array) {
  std::vector<T> values(array.size);
  backend.synchronize();
  backend.download(values.data(), array.buffer->data, array.size * sizeof(T));
  return values;
}

// splitmix64: the same numbers on every machine.
class Random {
 public:
  explicit Random(uint64_t seed) : state_(seed) {}
  uint64_t next() {
    uint64_t z = state_ += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
  }
  double uniform() { return double(next() >> 11) * 0x1p-53; }
  Floats floats(size_t count, float scale = 1) {
    Floats values(count);
    for (float& v : values) v = float((uniform() * 2 - 1) * scale);
    return values;
  }

 private:
  uint64_t state_;
};

// A matrix as stored in a checkpoint and what its numbers are.
struct TestMatrix {
  int64_t rows, columns;
  Floats values;
  std::unique_ptr<Matrix> packed;

  // Products in double: out[i] = sum of values[i, k] x[k].
  Doubles times(const Doubles& x) const {
    Doubles out(size_t(rows), 0.0);
    for (int64_t i = 0; i < rows; ++i)
      for (int64_t k = 0; k < columns; ++k) out[size_t(i)] += double(values[size_t(i * columns + k)]) * x[size_t(k)];
    return out;
  }
};

inline float round_to(Dtype dtype, float value) {
  if (dtype == Dtype::f16) return f16_to_f32(f32_to_f16(value));
  if (dtype == Dtype::bf16) return bf16_to_f32(f32_to_bf16(value));
  return value;
}

inline TestMatrix make_matrix(Backend& backend, Random& random, int64_t rows, int64_t columns, Dtype dtype,
                              int64_t row_group = 0, float scale = 1) {
  TestMatrix m{rows, columns, random.floats(size_t(rows * columns), scale), nullptr};
  for (float& v : m.values) v = round_to(dtype, v);
  std::vector<uint16_t> halves;
  for (float v : m.values) halves.push_back(dtype == Dtype::f16 ? f32_to_f16(v) : f32_to_bf16(v));
  const void* data = dtype == Dtype::f32 ? static_cast<const void*>(m.values.data()) : halves.data();
  m.packed = backend.pack({data, dtype, rows, columns, row_group}, dtype);
  return m;
}

constexpr Dtype kDtypes[] = {Dtype::f32, Dtype::f16, Dtype::bf16};

template <class T>
Doubles row_of(const std::vector<T>& values, int64_t row, int64_t columns) {
  return Doubles(values.begin() + row * columns, values.begin() + (row + 1) * columns);
}

inline Doubles rms_norm(Doubles x, const Floats& weight, double eps) {
  double squares = 0;
  for (double v : x) squares += v * v;
  const double scale = 1 / std::sqrt(squares / double(x.size()) + eps);
  for (size_t i = 0; i < x.size(); ++i) x[i] *= scale * double(weight[i]);
  return x;
}

// A low-rank update with everything it needs in the backend's memory. objectives: 0 for LoRA.
struct TestUpdate {
  TestMatrix a, b;
  Floats w1, w2, preference;
  Array<float> device_w1, device_w2, device_preference;
  LowRank update;

  // What it adds to the outputs of `row` for the input x.
  Doubles added(const Doubles& x, int32_t row) const {
    Doubles inner = a.times(x);
    const int64_t fixed = update.fixed_rank, free = a.rows - fixed;
    if (update.w2) {
      Doubles out(inner.size(), 0.0);
      for (int64_t i = 0; i < fixed; ++i)
        for (int64_t j = 0; j < fixed; ++j) out[size_t(i)] += double(w1[size_t(i * fixed + j)]) * inner[size_t(j)];
      for (int64_t k = 0; k < update.num_objectives; ++k) {
        const double p = preference[size_t((row - update.first_row) * update.preference_stride + k)];
        for (int64_t i = 0; i < free; ++i)
          for (int64_t j = 0; j < free; ++j)
            out[size_t(fixed + i)] += p * double(w2[size_t((k * free + i) * free + j)]) * inner[size_t(fixed + j)];
      }
      inner = out;
    }
    Doubles out = b.times(inner);
    for (double& v : out) v *= double(update.scale);
    return out;
  }
  bool covers(int32_t row) const { return row >= update.first_row && row < update.first_row + update.num_rows; }
};

inline TestUpdate make_update(Backend& backend, Random& random, int64_t outputs, int64_t columns, int64_t rank,
                              int32_t objectives, int32_t first_row, int32_t num_rows, int64_t row_group = 0) {
  const int32_t fixed = objectives > 0 ? int32_t(rank / 2) : 0, stride = objectives + 1;
  const size_t free = size_t(rank - fixed);
  TestUpdate u{make_matrix(backend, random, rank, columns, Dtype::bf16),
               make_matrix(backend, random, outputs, rank, Dtype::f32, row_group), random.floats(size_t(fixed * fixed)),
               random.floats(size_t(objectives) * free * free), random.floats(size_t(num_rows * stride)), {}, {}, {}, {}};
  u.device_w1 = put(backend, u.w1);
  u.device_w2 = put(backend, u.w2);
  u.device_preference = put(backend, u.preference);
  u.update = {u.a.packed.get(), u.b.packed.get(), 0.5f, first_row, num_rows, nullptr, nullptr, nullptr, fixed, objectives,
              stride};
  if (objectives > 0) {
    u.update.w1 = u.device_w1;
    u.update.w2 = u.device_w2;
    u.update.preference = u.device_preference;
  }
  return u;
}

}  // namespace genarm_test
