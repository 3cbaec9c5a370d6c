// What tests of several kernels share: matrices packed as kernels read them, rows with padding, and the norm in double.
#pragma once

#include "cuda/fragments.h"
#include "cuda/kernels.h"
#include "harness.h"

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

// What rounding to T may change, relatively.
template <class T>
double rounding() {
  return std::is_same_v<T, bf16> ? 0x1p-8 : 0x1p-11;
}

// Weights of T [rows, columns]; head_dim > 0: packed in pairs of tiles.
template <class T>
struct Weights {
  int64_t rows, columns;
  std::vector<T> values;
  Array<T> device;

  Weights(int64_t r, int64_t c, unsigned seed, int head_dim = 0)
      : rows(r), columns(c), values(narrow<T>(random_floats(size_t(r * c), seed, 1 / std::sqrt(float(c))))),
        device(packed(values, r, c, head_dim)) {}

  static std::vector<T> packed(const std::vector<T>& matrix, int64_t rows, int64_t columns, int head_dim) {
    const int64_t packed_rows = head_dim > 0 ? paired_rows(rows / head_dim, head_dim) : rows;
    std::vector<T> out(fragment_bytes(packed_rows, columns) / 2);
    if (head_dim > 0) {
      pack_head_pairs(&out[0].bits, &matrix[0].bits, rows / head_dim, head_dim, columns);
    } else {
      pack_fragments(&out[0].bits, &matrix[0].bits, rows, columns, 0, tiles_of(rows));
    }
    return out;
  }
  double at(int64_t row, int64_t column) const { return double(to_f32(values[size_t(row * columns + column)])); }
};

// num_rows of `size` numbers, `stride` apart; between them `padding`.
inline std::vector<float> padded_rows(int num_rows, int size, int64_t stride, unsigned seed, float padding, float scale = 1) {
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
template <class T>
double dot(const Weights<T>& w, int64_t row, const std::vector<double>& x, double& size) {
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
    const ProjectProblem<bf16> p = {hidden, stride, x_.data(), 32, weight_.data(), nullptr, size_, 32, num_rows_};
    project(&p, 1, Order::overlaps_previous, stream);
  }

 private:
  static std::vector<bf16> quarters(int size) {
    const std::vector<bf16> matrix(size_t(size) * 32, bf16{0x3e80});
    return Weights<bf16>::packed(matrix, size, 32, 0);
  }
  int num_rows_, size_;
  Array<bf16> x_, weight_;
};

}  // namespace genarm::cuda
