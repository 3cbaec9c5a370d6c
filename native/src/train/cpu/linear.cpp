// Linear layers: y = x W^T + bias, and the gradients dx = dy W, dW += dy^T x, dbias += sum of dy's rows.
#include "gemm.h"
#include "operations.h"

namespace genarm::cpu::GENARM_ISA {
namespace {

// out[j] += sum over r of y[r, j], in the order of the rows.
void sum_rows(TrainContext& context, float* out, const float* y, int64_t rows, int64_t columns) {
  parallel_ranges(context, columns, 64, [&](int64_t begin, int64_t end) {
    for (int64_t j = begin; j < end; j += 16) {
      const int n = int(smaller(16, end - j));
      f32x16 sum = load_partial(out + j, n);
      for (int64_t r = 0; r < rows; ++r) sum = sum + load_partial(y + r * columns + j, n);
      store_partial(out + j, sum, n);
    }
  });
}

// out[r, j] += bias[j]
void add_bias(TrainContext& context, const train::LinearArgs& a) {
  const int64_t columns = a.outputs;
  parallel_ranges(context, a.num_rows, rows_per_range(columns), [&](int64_t begin, int64_t end) {
    for (int64_t r = begin; r < end; ++r) {
      for (int64_t j = 0; j < columns; ++j) a.y[r * columns + j] += a.bias[j];
    }
  });
}

Product output(const train::LinearArgs& a) {
  const float* start = a.residual ? a.residual : a.bias;
  return {a.y, a.outputs, a.x, a.inputs, 1, a.weight, 1, a.inputs, a.num_rows, a.outputs, a.inputs, start,
          a.residual ? a.outputs : 0};
}
Product input_gradient(const train::LinearArgs& a) {
  const float* start = a.accumulate ? a.x_gradient : nullptr;
  return {a.x_gradient, a.inputs,   a.y_gradient, a.outputs, 1,     a.weight, a.inputs,
          1,            a.num_rows, a.inputs,     a.outputs, start, a.inputs};
}
Product weight_gradient(const train::LinearArgs& a) {
  return {a.weight_gradient, a.inputs,  a.y_gradient, 1,          a.outputs,         a.x,     a.inputs,
          1,                 a.outputs, a.inputs,     a.num_rows, a.weight_gradient, a.inputs};
}

}  // namespace

void linear(TrainContext& context, const train::LinearArgs& a) {
  const Product product = output(a);
  multiply(context, &product, 1);
  if (a.residual && a.bias) add_bias(context, a);
}

void linear_backward(TrainContext& context, const train::LinearArgs& a) {
  Product products[2];
  int32_t count = 0;
  if (a.weight_gradient) products[count++] = weight_gradient(a);
  if (a.x_gradient) products[count++] = input_gradient(a);
  if (count > 0) multiply(context, products, count);
  if (a.bias_gradient) sum_rows(context, a.bias_gradient, a.y_gradient, a.num_rows, a.outputs);
}

}  // namespace genarm::cpu::GENARM_ISA
