// project: hidden += W x + bias (+ low-rank updates).
#include "backends.h"

using namespace genarm_test;

namespace {

struct Layer {
  TestMatrix weight;
  Floats bias, x, hidden;
};

Layer make_layer(Backend& backend, int32_t rows, int64_t outputs, int64_t columns, Dtype dtype) {
  Random random(uint64_t(outputs * 1000 + columns));
  Layer layer{make_matrix(backend, random, outputs, columns, dtype), random.floats(size_t(outputs)), {}, {}};
  layer.x = random.floats(size_t(40 * columns));
  layer.hidden = random.floats(size_t(40 * outputs));
  layer.x.resize(size_t(rows * columns));
  layer.hidden.resize(size_t(rows * outputs));
  return layer;
}

Floats run(Backend& backend, const Layer& layer, bool with_bias, Span<LowRank> updates = {}) {
  const int32_t rows = int32_t(layer.x.size() / size_t(layer.weight.columns));
  const auto hidden = put(backend, layer.hidden), x = put(backend, layer.x), bias = put(backend, layer.bias);
  const ProjectArgs args{hidden, x, layer.weight.packed.get(), with_bias ? bias.data() : nullptr, rows, updates};
  backend.project({&args, 1});
  return get(backend, hidden);
}

void check(const Layer& layer, bool with_bias, const Floats& found, const std::vector<const TestUpdate*>& updates = {}) {
  const int64_t outputs = layer.weight.rows, columns = layer.weight.columns;
  for (int32_t r = 0; r < int32_t(found.size()) / outputs; ++r) {
    const Doubles x = row_of(layer.x, r, columns);
    Doubles expected = layer.weight.times(x);
    for (const TestUpdate* u : updates) {
      if (!u->covers(r)) continue;
      const Doubles added = u->added(x, r);
      for (int64_t i = 0; i < outputs; ++i) expected[size_t(i)] += added[size_t(i)];
    }
    for (int64_t i = 0; i < outputs; ++i) {
      const size_t at = size_t(r * outputs + i);
      const double all = expected[size_t(i)] + double(layer.hidden[at]) + (with_bias ? double(layer.bias[size_t(i)]) : 0);
      CHECK_NEAR(found[at], all, 2e-5);
    }
  }
}

void the_product_and_the_bias_are_added_to_the_residual() {
  on_every_backend([](Backend& backend) {
    for (Dtype dtype : kDtypes) {
      for (int32_t rows : {1, 2, 3, 5, 12, 13, 19, 37}) {
        const Layer layer = make_layer(backend, rows, 257, 33, dtype);
        check(layer, rows % 2 == 1, run(backend, layer, rows % 2 == 1));
      }
      const Layer one_column = make_layer(backend, 3, 5, 1, dtype);
      check(one_column, true, run(backend, one_column, true));
    }
  });
}

void a_row_does_not_depend_on_the_rows_beside_it() {
  on_every_backend([](Backend& backend) {
    for (Dtype dtype : kDtypes) {
      const Floats alone = run(backend, make_layer(backend, 1, 144, 130, dtype), true);
      for (int32_t rows = 2; rows <= 27; ++rows) {
        Floats among = run(backend, make_layer(backend, rows, 144, 130, dtype), true);
        among.resize(alone.size());
        CHECK(among == alone);
      }
    }
  });
}

void every_instruction_set_and_number_of_threads_gives_the_same_bits() {
  for (int32_t rows : {1, 7, 30}) {
    same_bits_on_every_backend([&](Backend& backend) {
      return run(backend, make_layer(backend, rows, 257, 132, Dtype::bf16), true);
    });
  }
}

void problems_of_one_call_do_not_touch_each_other() {
  on_every_backend([](Backend& backend) {
    const Layer a = make_layer(backend, 2, 33, 20, Dtype::bf16), none = make_layer(backend, 0, 16, 8, Dtype::f32),
                b = make_layer(backend, 17, 65, 7, Dtype::f16);
    std::vector<Array<float>> hidden, x;
    std::vector<ProjectArgs> problems;
    for (const Layer* layer : {&a, &none, &b}) {
      hidden.push_back(put(backend, layer->hidden));
      x.push_back(put(backend, layer->x));
      problems.push_back({hidden.back(), x.back(), layer->weight.packed.get(), nullptr,
                          int32_t(layer->x.size() / size_t(layer->weight.columns)), {}});
    }
    backend.project({problems.data(), 3});
    check(a, false, get(backend, hidden[0]));
    check(b, false, get(backend, hidden[2]));
  });
}

void low_rank_updates_reach_their_rows_alone() {
  on_every_backend([](Backend& backend) {
    for (int32_t rows : {4, 29}) {
      const Layer layer = make_layer(backend, rows, 70, 40, Dtype::bf16);
      Random random(9);
      const TestUpdate lora = make_update(backend, random, 70, 40, 8, 0, 1, 2);
      const TestUpdate pblora = make_update(backend, random, 70, 40, 21, 3, 3, rows - 3);
      const LowRank updates[] = {lora.update, pblora.update};
      check(layer, true, run(backend, layer, true, {updates, 2}), {&lora, &pblora});
    }
  });
}

void a_row_with_an_update_does_not_depend_on_the_rows_beside_it() {
  on_every_backend([](Backend& backend) {
    Random random(9);
    TestUpdate lora = make_update(backend, random, 70, 40, 8, 0, 0, 1);
    const Floats alone = run(backend, make_layer(backend, 1, 70, 40, Dtype::f32), false, {&lora.update, 1});
    for (int32_t rows : {2, 14, 31}) {
      lora.update.num_rows = rows;
      Floats among = run(backend, make_layer(backend, rows, 70, 40, Dtype::f32), false, {&lora.update, 1});
      among.resize(alone.size());
      CHECK(among == alone);
    }
  });
}

}  // namespace

int main() {
  return run_tests({
      TEST(the_product_and_the_bias_are_added_to_the_residual),
      TEST(a_row_does_not_depend_on_the_rows_beside_it),
      TEST(every_instruction_set_and_number_of_threads_gives_the_same_bits),
      TEST(problems_of_one_call_do_not_touch_each_other),
      TEST(low_rank_updates_reach_their_rows_alone),
      TEST(a_row_with_an_update_does_not_depend_on_the_rows_beside_it),
  });
}
