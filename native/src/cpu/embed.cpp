// embed: rows of the table, as EmbedArgs. A row of a packed matrix is spread over its panel: one cache line for two columns.
#include "dense.h"
#include "dense_quant.h"
#include "operations.h"

namespace genarm::cpu::GENARM_ISA {
namespace {

void read_row(float* out, const PackedMatrix& table, int64_t row) {
  const int64_t in_group = row % table.group_rows;
  const int64_t index = row / table.group_rows * table.group_panels + in_group / kPanelRows;
  const uint8_t* panel = panel_at(table, index);
  const int64_t lane = in_group % kPanelRows, columns = table.columns;
  if (table.quant.bits != 0) {
    read_quantised_row(out, table, index, int(lane));
    return;
  }
  if (table.dtype == Dtype::f32) {
    const float* weights = reinterpret_cast<const float*>(panel) + lane;
    for (int64_t k = 0; k < columns; ++k) out[k] = weights[k * kPanelRows];
    return;
  }
  const uint16_t* weights = reinterpret_cast<const uint16_t*>(panel);
  if (table.dtype == Dtype::bf16) {
    for (int64_t k = 0; k < columns; ++k) {
      const uint32_t word = uint32_t(weights[k / 2 * 2 * kPanelRows + 2 * lane + k % 2]) << 16;
      memcpy(out + k, &word, 4);
    }
    return;
  }
  for (int64_t k = 0; k < columns; k += 16) {
    uint16_t halves[16] = {};
    const int n = int(smaller(16, columns - k));
    for (int i = 0; i < n; ++i) halves[i] = weights[(k + i) * kPanelRows + lane];
    store_partial(out + k, load_f16(halves), n);
  }
}

}  // namespace

void embed(Context& context, const EmbedArgs* problems, int32_t num_problems) {
  int64_t rows = 0;
  for (int32_t i = 0; i < num_problems; ++i) rows += problems[i].num_rows;
  parallel(context, rows, [&](int64_t row, int) {
    const EmbedArgs* args = problems;
    while (row >= args->num_rows) row -= args++->num_rows;
    int32_t id = args->ids[row];
    if (id < 0) id = args->drawn[-1 - id];
    read_row(args->hidden + row * args->table->columns, *packed(args->table), id < 0 ? 0 : id);
  });
}

}  // namespace genarm::cpu::GENARM_ISA
