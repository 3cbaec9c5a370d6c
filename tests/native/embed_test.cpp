// embed: hidden[r] = table[ids[r]]; and with it, what packing keeps of a stored matrix.
#include <cstring>
#include <limits>

#include "backends.h"
#include "error.h"

using namespace genarm_test;

namespace {

Floats run(Backend& backend, const Matrix& table, const std::vector<int32_t>& ids, const std::vector<int32_t>& drawn = {}) {
  const auto hidden = room(backend, ids.size() * size_t(table.columns));
  const auto device_ids = put(backend, ids);
  const auto device_drawn = put(backend, drawn);
  const EmbedArgs args{hidden, device_ids, &table, int32_t(ids.size()), device_drawn};
  backend.embed({&args, 1});
  return get(backend, hidden);
}

void a_row_of_the_table_is_copied_for_each_id() {
  on_every_backend([](Backend& backend) {
    for (Dtype dtype : kDtypes) {
      for (int64_t columns : {1, 33, 64}) {
        Random random(3);
        const TestMatrix table = make_matrix(backend, random, 257, columns, dtype);
        const std::vector<int32_t> ids = {0, 256, 15, 16, 255, 16};
        const Floats found = run(backend, *table.packed, ids);
        for (size_t i = 0; i < ids.size(); ++i)
          for (int64_t k = 0; k < columns; ++k)
            CHECK(found[i * size_t(columns) + size_t(k)] == table.values[size_t(ids[i] * columns + k)]);
      }
    }
  });
}

void a_row_may_be_of_a_token_that_was_drawn() {
  on_every_backend([](Backend& backend) {
    Random random(3);
    const TestMatrix table = make_matrix(backend, random, 40, 33, Dtype::bf16);
    const Floats found = run(backend, *table.packed, {-2, 7, -1, -3}, {39, 20, -1});
    const int64_t rows[] = {20, 7, 39, 0};  // 0 where nothing was drawn
    for (size_t i = 0; i < 4; ++i)
      for (int64_t k = 0; k < 33; ++k) CHECK(found[i * 33 + size_t(k)] == table.values[size_t(rows[i] * 33 + k)]);
  });
}

void rows_of_a_group_are_found_behind_its_padding() {
  on_every_backend([](Backend& backend) {
    Random random(4);
    const TestMatrix table = make_matrix(backend, random, 60, 7, Dtype::bf16, 20);
    const Floats found = run(backend, *table.packed, {19, 20, 59});
    for (int64_t k = 0; k < 7; ++k) {
      CHECK(found[size_t(k)] == table.values[size_t(19 * 7 + k)]);
      CHECK(found[size_t(7 + k)] == table.values[size_t(20 * 7 + k)]);
      CHECK(found[size_t(14 + k)] == table.values[size_t(59 * 7 + k)]);
    }
  });
}

void packing_converts_by_rounding_to_nearest_even() {
  const float tie_down = 1 + 0x1p-8f, tie_up = 1 + 3 * 0x1p-8f, above = 1 + 0x1.02p-8f;
  const Floats stored = {tie_down, tie_up, above, -tie_up, 65520, 65519, 0x1p-24f, 0x1.8p-25f, 0x1p-25f, 1e38f};
  const int64_t n = int64_t(stored.size());
  on_every_backend([&](Backend& backend) {
    const auto bf16 = backend.pack({stored.data(), Dtype::f32, 1, n, 0}, Dtype::bf16);
    const auto f16 = backend.pack({stored.data(), Dtype::f32, 1, n, 0}, Dtype::f16);
    const Floats as_bf16 = run(backend, *bf16, {0}), as_f16 = run(backend, *f16, {0});
    CHECK(as_bf16[0] == 1.0f);
    CHECK(as_bf16[1] == 1 + 0x1p-6f);
    CHECK(as_bf16[2] == 1 + 0x1p-7f);
    CHECK(as_bf16[3] == -(1 + 0x1p-6f));
    CHECK(as_f16[4] == std::numeric_limits<float>::infinity());
    CHECK(as_f16[5] == 65504);
    CHECK(as_f16[6] == 0x1p-24f);
    CHECK(as_f16[7] == 0x1p-24f);
    CHECK(as_f16[8] == 0);
    CHECK(as_f16[9] == std::numeric_limits<float>::infinity());
  });
}

void every_half_is_read_as_it_is_stored() {
  std::vector<uint16_t> halves;
  for (uint32_t h = 0; h < 0x10000; ++h) halves.push_back(uint16_t(h));
  on_every_backend([&](Backend& backend) {
    const auto table = backend.pack({halves.data(), Dtype::f16, 256, 256, 0}, Dtype::f32);
    const auto kept = backend.pack({halves.data(), Dtype::f16, 256, 256, 0}, Dtype::f16);
    std::vector<int32_t> ids;
    for (int32_t i = 0; i < 256; ++i) ids.push_back(i);
    const Floats converted = run(backend, *table, ids), read = run(backend, *kept, ids);
    for (size_t h = 0; h < halves.size(); ++h) {
      const bool nan = (h & 0x7c00) == 0x7c00 && (h & 0x3ff);
      CHECK(nan ? std::isnan(read[h]) && std::isnan(converted[h]) : read[h] == converted[h]);
      if ((h & 0x7c00) == 0x7c00) continue;
      const double magnitude = (h & 0x7c00) ? std::ldexp(1024 + double(h & 0x3ff), int(h >> 10 & 31) - 25)
                                            : std::ldexp(double(h & 0x3ff), -24);
      CHECK(double(read[h]) == (h & 0x8000 ? -magnitude : magnitude));
    }
  });
}

void a_matrix_may_lie_at_any_address() {
  const Floats stored = {1, 2, 3, 4, 5, 6};
  std::vector<unsigned char> file(25);
  std::memcpy(file.data() + 1, stored.data(), 24);
  on_every_backend([&](Backend& backend) {
    const auto table = backend.pack({file.data() + 1, Dtype::f32, 2, 3, 0}, Dtype::f32);
    CHECK(run(backend, *table, {1, 0}) == (Floats{4, 5, 6, 1, 2, 3}));
  });
}

void a_matrix_that_cannot_be_packed_is_refused() {
  Backend& backend = *backends().front();
  const Floats stored(6);
  const auto refused = [&](const MatrixSource& source, Dtype dtype, ga_status status, const char* text) {
    try {
      backend.pack(source, dtype);
      CHECK(!"packed");
    } catch (const Error& error) {
      CHECK(error.status == status);
      CHECK(std::string(error.what()) == text);
    }
  };
  refused({stored.data(), Dtype::f32, 0, 3, 0}, Dtype::f32, GA_INVALID_ARGUMENT,
          "a matrix needs rows and columns, got 0 x 3");
  refused({stored.data(), Dtype::f32, 3, 2, 2}, Dtype::f32, GA_INVALID_ARGUMENT, "3 rows are not whole groups of 2");
  refused({stored.data(), Dtype::int8, 3, 2, 0}, Dtype::f32, GA_INVALID_ARGUMENT,
          "a matrix is stored as f32, f16 or bf16, got dtype 3");
}

}  // namespace

int main() {
  return run_tests({
      TEST(a_row_of_the_table_is_copied_for_each_id),
      TEST(a_row_may_be_of_a_token_that_was_drawn),
      TEST(rows_of_a_group_are_found_behind_its_padding),
      TEST(packing_converts_by_rounding_to_nearest_even),
      TEST(every_half_is_read_as_it_is_stored),
      TEST(a_matrix_may_lie_at_any_address),
      TEST(a_matrix_that_cannot_be_packed_is_refused),
  });
}
