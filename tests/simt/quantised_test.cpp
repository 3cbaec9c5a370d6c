// GPTQ layers and quantised matrices on their way to the device: every weight is the one that was stored.
#include "cuda/cuda_matrix.h"
#include "error.h"
#include "fixture.h"

namespace genarm::cuda {
namespace {

constexpr int kRows = 24, kColumns = 72, kGroups = 3, kOffset = 1;

struct Layer {
  std::vector<uint32_t> qweight, qzeros;
  std::vector<uint16_t> scales;
  std::vector<int32_t> group;

  Layer(bool shuffled, bool symmetric)
      : qweight(kColumns / 8 * kRows), qzeros(kGroups * kRows / 8), scales(kGroups * kRows) {
    std::mt19937 random(7);
    for (uint32_t& word : qweight) word = uint32_t(random());
    for (uint32_t& word : qzeros) word = symmetric ? 0x77777777u : uint32_t(random());
    for (uint16_t& bits : scales) bits = f32_to_f16(float(random() % 50) * 1e-3f - 0.02f);
    for (int k = 0; k < kColumns; ++k) group.push_back(k / 32);
    if (shuffled) std::shuffle(group.begin(), group.end(), random);
  }
  GptqSource source(int head_dim = 0) const {
    return {reinterpret_cast<const uint8_t*>(qweight.data()), reinterpret_cast<const uint8_t*>(qzeros.data()),
            reinterpret_cast<const uint8_t*>(scales.data()), group.data(), kRows, kColumns, kGroups, head_dim, kOffset};
  }
  double at(int o, int i) const {
    const int g = group[size_t(i)], q = int(qweight[size_t(i / 8 * kRows + o)] >> (i % 8 * 4) & 15);
    const int zero = (int(qzeros[size_t(g * kRows / 8 + o / 8)] >> (o % 8 * 4) & 15) + kOffset) % 16;
    return double(f16_to_f32(scales[size_t(g * kRows + o)])) * (q - zero);
  }
};

void check_weights(const QuantisedMatrix& m, const Layer& layer) {
  std::vector<int> met(kColumns, 0);
  for (int64_t c = 0; c < m.columns; ++c) {
    const int64_t column = m.order.empty() ? c : m.order[size_t(c)];
    if (column < 0 || column >= kColumns) continue;
    ++met[size_t(column)];
    for (int64_t r = 0; r < m.rows; ++r) {
      const size_t block = size_t((r * m.columns + c) / 32);
      const double value = double(f16_to_f32(m.scale[block])) * (int(m.number[size_t(r * m.columns + c)]) - m.zero[block]);
      CHECK(value == layer.at(int(r), int(column)));
    }
  }
  for (const int times : met) CHECK(times == 1);
}

void gptq_keeps_every_weight() {
  for (const bool shuffled : {false, true}) {
    const Layer layer(shuffled, false);

    const QuantisedMatrix m = read_gptq(layer.source());

    CHECK(m.format == Format::int4_zeros && m.order.empty() == !shuffled);
    check_weights(m, layer);
  }
}

void zeros_in_the_middle_take_no_memory() {
  const Layer layer(false, true);

  const QuantisedMatrix m = read_gptq(layer.source());

  CHECK(m.format == Format::int4);
  check_weights(m, layer);
}

// The layer as a projection of one row, through the kernel.
void a_packed_layer_multiplies() {
  for (const bool shuffled : {false, true}) {
    const Layer layer(shuffled, false);
    const std::vector<float> x = random_floats(kColumns, 5);
    std::vector<bf16> narrow_x = narrow<bf16>(x);
    const Array<bf16> device_x(narrow_x);
    const Array<float> hidden(kRows, 0.0f);
    Stream stream;
    std::shared_ptr<const ColumnOrder> last_order;
    const auto matrix = pack_matrix(layer.source(), last_order, stream);
    const auto again = pack_matrix(layer.source(), last_order, stream);
    const ProjectProblem p = {hidden.data(), kRows, device_x.data(), kColumns, weight_of(matrix.get()), nullptr, nullptr,
                              kRows, kColumns, 1};

    project(&p, 1, Order::after_previous, stream);
    stream_sync(stream);

    const std::vector<float> result = hidden.get();
    for (int o = 0; o < kRows; ++o) {
      double sum = 0, size = 1;
      for (int i = 0; i < kColumns; ++i) {
        sum += layer.at(o, i) * double(to_f32(narrow_x[size_t(i)]));
        size += std::fabs(layer.at(o, i) * double(to_f32(narrow_x[size_t(i)])));
      }
      check_near(result[size_t(o)], sum, 4e-7 * size, "hidden", 0, o);
    }
    CHECK(matrix->order == again->order);  // gate and up read one order
  }
}

void what_cannot_be_quantised_is_refused() {
  std::vector<float> values(64, 1);
  values[40] = 1e6f;
  bool refused = false;
  try {
    quantise({values.data(), Dtype::f32, 2, 32}, Dtype::int4);
  } catch (const Error& error) {
    refused = std::string(error.what()) == "weights to be quantised must be finite and at most 524032 in magnitude";
  }
  CHECK(refused);
}

}  // namespace
}  // namespace genarm::cuda

int main(int argc, char** argv) {
  using namespace genarm::cuda;
  return run_cases(argc, argv,
                   {{"gptq_keeps_every_weight", gptq_keeps_every_weight},
                    {"zeros_in_the_middle_take_no_memory", zeros_in_the_middle_take_no_memory},
                    {"a_packed_layer_multiplies", a_packed_layer_multiplies},
                    {"what_cannot_be_quantised_is_refused", what_cannot_be_quantised_is_refused}});
}
