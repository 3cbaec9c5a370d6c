// What tests of several kernels share: matrices packed as kernels read them, rows with padding, and the norm in double.
#pragma once

#include "cuda/fragments.h"
#include "cuda/kernels.h"
#include "cuda/quantised.h"
#include "harness.h"
#include "noise.h"

namespace genarm::cuda {

inline float to_f32(bf16 x) { return bf16_to_f32(x.bits); }
inline float to_f32(f16 x) { return f16_to_f32(x.bits); }
inline void set(bf16& x, float value) { x.bits = f32_to_bf16(value); }
inline void set(f16& x, float value) { x.bits = f32_to_f16(value); }

template <class T>
std::vector<T> narrow(const std::vector<float>& values) {
  std::vector<T> result(values.size());
  for (size_t i = 0; i < values.size(); ++i) set(result[i], values[i]);
  return result;
}

constexpr double kRounding = 0x1p-8;  // what rounding to bf16 may change, relatively

inline const std::vector<Format>& all_formats() {
  static const std::vector<Format> formats = {Format::bf16, Format::f16, Format::int8, Format::int4, Format::int4_zeros};
  return formats;
}

// A quantised matrix with zeros, its columns in groups of 24 that were shuffled and padded to blocks; all matrices of as
// many columns in one order.
inline QuantisedMatrix random_groups(int64_t rows, int64_t columns, unsigned seed) {
  std::mt19937 random(seed);
  std::vector<int32_t> shuffled;
  for (int32_t c = 0; c < columns; ++c) shuffled.push_back(c);
  std::shuffle(shuffled.begin(), shuffled.end(), std::mt19937(unsigned(columns)));
  QuantisedMatrix m;
  m.format = Format::int4_zeros;
  for (size_t c = 0; c < shuffled.size(); ++c) {
    m.order.push_back(shuffled[c]);
    if (c % 24 == 23) m.order.resize((m.order.size() + 31) / 32 * 32, -1);
  }
  m.order.resize((m.order.size() + 31) / 32 * 32, -1);
  m.rows = rows;
  m.columns = int64_t(m.order.size());
  for (int64_t i = 0; i < rows * m.columns; ++i) m.number.push_back(uint8_t(random() % 16));
  for (int64_t i = 0; i < rows * m.columns / 32; ++i) {
    m.scale.push_back(f32_to_f16((float(random() % 100) - 30) * 1e-3f));
    m.zero.push_back(uint8_t(random() % 16));
  }
  return m;
}

// Weights [rows, columns] in a format; head_dim > 0: packed in pairs of tiles.
struct Weights {
  int64_t rows, columns;
  Format format;
  std::vector<double> values;
  int64_t packed_columns = 0;
  std::vector<int32_t> column_order;
  std::vector<uint8_t> packed;
  Array<uint8_t> device;
  Array<int32_t> order;

  Weights(int64_t r, int64_t c, unsigned seed, int head_dim = 0, Format f = Format::bf16)
      : rows(r), columns(c), format(f), values(size_t(r * c)), packed(make(seed, head_dim)), device(packed),
        order(column_order) {}

  Weight weight() const {
    return {device.data(), column_order.empty() ? nullptr : order.data(), int32_t(packed_columns), format};
  }
  double at(int64_t row, int64_t column) const { return values[size_t(row * columns + column)]; }

  static std::vector<uint8_t> pack_halves(const std::vector<uint16_t>& matrix, int64_t rows, int64_t columns, int head_dim) {
    const int64_t packed_rows = head_dim > 0 ? paired_rows(rows / head_dim, head_dim) : rows;
    std::vector<uint8_t> out(fragment_bytes(packed_rows, columns));
    auto* to = reinterpret_cast<uint16_t*>(out.data());
    if (head_dim > 0) {
      pack_head_pairs(to, matrix.data(), rows / head_dim, head_dim, columns);
    } else {
      pack_fragments(to, matrix.data(), rows, columns, 0, tiles_of(rows));
    }
    return out;
  }

 private:
  std::vector<uint8_t> make(unsigned seed, int head_dim) {
    const std::vector<float> numbers = random_floats(size_t(rows * columns), seed, 1 / std::sqrt(float(columns)));
    packed_columns = columns;
    if (format == Format::bf16 || format == Format::f16) {
      std::vector<uint16_t> bits;
      for (size_t i = 0; i < numbers.size(); ++i) {
        bits.push_back(format == Format::f16 ? f32_to_f16(numbers[i]) : f32_to_bf16(numbers[i]));
        values[i] = double(format == Format::f16 ? f16_to_f32(bits[i]) : bf16_to_f32(bits[i]));
      }
      return pack_halves(bits, rows, columns, head_dim);
    }
    const MatrixSource source = {numbers.data(), Dtype::f32, rows, columns};
    const QuantisedMatrix m = format == Format::int4_zeros
                                  ? random_groups(rows, columns, seed)
                                  : quantise(source, format == Format::int8 ? Dtype::int8 : Dtype::int4);
    packed_columns = m.columns;
    read_back(m);
    return pack_quantised(m, head_dim);
  }

  void read_back(const QuantisedMatrix& m) {
    for (int64_t r = 0; r < rows; ++r)
      for (int64_t c = 0; c < m.columns; ++c) {
        const int64_t column = m.order.empty() ? c : m.order[size_t(c)];
        const size_t at = size_t(r * m.columns + c), block = size_t((r * m.columns + c) / 32);
        const int zero = m.format == Format::int8 ? 128 : m.format == Format::int4 ? 8 : m.zero[block];
        if (column >= 0 && column < columns)
          values[size_t(r * columns + column)] = double(f16_to_f32(m.scale[block])) * (int(m.number[at]) - zero);
      }
    column_order = m.order;
    if (!column_order.empty()) column_order.resize((column_order.size() + 127) / 128 * 128, -1);
  }
};

// The noise of a token, by definition (noise.h).
inline double gumbel_in_double(const SamplingPlan& plan, int token) {
  const Philox4 words = philox(plan.seed, uint32_t(token / 4), uint32_t(plan.position), uint32_t(plan.choice), 0);
  const uint32_t word = words.word[token % 4];
  const double u = (double(word) + 0.5) / 4294967296.0;
  return -std::log(word < 0x80000000u ? -std::log1p(-u) : -std::log((double(~word) + 0.5) / 4294967296.0));
}

// What adapters of rank 3 and 8 add to rows of a layer, in turns; every third row has no adapter. Beyond B and u: NaN.
struct Updates {
  static constexpr float kScale = 1.5f;
  int64_t num_outputs;
  std::vector<float> b[2], u;
  Array<float> device_b0, device_b1, device_u;
  Array<RowUpdate> rows;

  Updates(int num_rows, int64_t outputs, unsigned seed)
      : num_outputs(outputs), b{with_nan(random_floats(size_t(outputs * rank_of(0)), seed)),
                                with_nan(random_floats(size_t(outputs * rank_of(1)), seed + 1))},
        u(random_floats(size_t(num_rows * 8), seed + 2)), device_b0(b[0]), device_b1(b[1]), device_u(u),
        rows(records(num_rows)) {}

  double at(int64_t row, int64_t output) const {
    if (row % 3 == 2) return 0;
    double sum = 0;
    for (int r = 0; r < rank_of(row); ++r)
      sum += double(b[row % 3][size_t(output * rank_of(row) + r)]) * double(u[size_t(row * 8 + r)]);
    return double(kScale) * sum;
  }

 private:
  static int rank_of(int64_t row) { return row % 3 == 0 ? 3 : 8; }
  static std::vector<float> with_nan(std::vector<float> values) {
    values.push_back(NAN);
    return values;
  }
  std::vector<RowUpdate> records(int num_rows) const {
    std::vector<RowUpdate> all(size_t(num_rows + 1), RowUpdate{device_u.data(), device_u.data(), NAN, 1});
    for (int r = 0; r < num_rows; ++r)
      all[size_t(r)] = r % 3 == 2 ? RowUpdate{nullptr, nullptr, 0, 0}
                                  : RowUpdate{r % 3 ? device_b1.data() : device_b0.data(), device_u.data() + 8 * r, kScale,
                                              rank_of(r)};
    return all;
  }
};

// num_rows of `size` numbers, `stride` apart; between them `padding`.
inline std::vector<float> padded_rows(int num_rows, int size, int64_t stride, unsigned seed, float padding,
                                      float scale = 1) {
  std::vector<float> values = random_floats(size_t(num_rows * stride), seed, scale);
  for (int r = 0; r < num_rows; ++r)
    for (int64_t c = size; c < stride; ++c) values[size_t(r * stride + c)] = padding;
  return values;
}

// rms_norm(x) * norm, [size].
inline std::vector<double> normed(const float* x, const std::vector<float>& norm, int size, double eps) {
  double squares = 0;
  for (int i = 0; i < size; ++i) squares += double(x[i]) * x[i];
  std::vector<double> out;
  for (int i = 0; i < size; ++i) out.push_back(x[i] / std::sqrt(squares / size + eps) * norm[size_t(i)]);
  return out;
}

// W[row] . x, and the sum of the magnitudes of its terms.
inline double dot(const Weights& w, int64_t row, const std::vector<double>& x, double& size) {
  double sum = 0;
  for (int64_t c = 0; c < w.columns; ++c) {
    sum += w.at(row, c) * x[size_t(c)];
    size += std::fabs(w.at(row, c) * x[size_t(c)]);
  }
  return sum;
}

// A projection that adds 8 to every number of hidden [num_rows, size], to be overlapped by what reads hidden.
class AddEight {
 public:
  AddEight(int num_rows, int size)
      : num_rows_(num_rows), size_(size), x_(size_t(num_rows) * 32, bf16{0x3f80}), weight_(quarters(size)) {}

  void run(float* hidden, int64_t stride, stream_t stream) const {
    const ProjectProblem p = {hidden, stride, x_.data(), 32, {weight_.data(), nullptr, 32, Format::bf16}, nullptr, nullptr,
                              size_, 32,
                              num_rows_};
    project(&p, 1, Order::overlaps_previous, stream);
  }

 private:
  static std::vector<uint8_t> quarters(int size) {
    return Weights::pack_halves(std::vector<uint16_t>(size_t(size) * 32, 0x3e80), size, 32, 0);
  }
  int num_rows_, size_;
  Array<bf16> x_;
  Array<uint8_t> weight_;
};

}  // namespace genarm::cuda
