// Weights in the order in which the kernels read them: panels of 16 output rows. A panel holds, for each pair of
// consecutive columns,
//   bf16       one line of 64 bytes: 16 rows x 2 columns
//   f16, f32   16 rows of the first column, then 16 rows of the second
// and for int8 and int4 what quant.h says. Rows are padded to whole panels within each row group, columns to a multiple
// of 4 (32 where quantised), with zeros.
#pragma once

#include <memory>
#include <vector>

#include "../backend.h"
#include "memory.h"
#include "quant.h"
#include "thread_pool.h"

namespace genarm::cpu {

constexpr int kPanelRows = 16;
constexpr int kBundlePanels = 4;  // panels of a quantised matrix that lie line by line beside each other (quant.h)

struct PackedMatrix : Matrix {
  ~PackedMatrix() override;

  const uint8_t* panels = nullptr;
  int64_t panel_bytes = 0, num_panels = 0;
  int64_t padded_columns = 0;
  int64_t group_rows = 0, group_panels = 0;  // a row group; all rows are one where the source had none
  QuantLayout quant;
  // [padded_columns] the input that each packed column reads, or null for its own. Equal orders are one.
  const int32_t* order = nullptr;
  std::shared_ptr<const std::vector<int32_t>> order_values;
  Memory memory;
};

// Throws Error{GA_INVALID_ARGUMENT, GA_UNSUPPORTED, GA_OUT_OF_MEMORY}.
std::unique_ptr<PackedMatrix> pack_matrix(ThreadPool& pool, const MatrixSource& source, Dtype dtype);

// The same for int8 and int4, rounded as Q8_0 and Q4_0 are.
std::unique_ptr<PackedMatrix> quantise_matrix(ThreadPool& pool, const MatrixSource& source, Dtype dtype);

// Keeps every number of a GPTQ layer; columns whose groups are scattered are packed group by group (`order`).
std::unique_ptr<PackedMatrix> pack_gptq(ThreadPool& pool, const GptqSource& source);

// A matrix with its rows in panels and no memory yet.
std::unique_ptr<PackedMatrix> shape_matrix(int64_t rows, int64_t columns, int64_t row_group, Dtype dtype);

// Allocates the panels of a matrix whose panel_bytes are known.
void allocate_panels(PackedMatrix& matrix);

// A panel of a quantised matrix: the bytes before its bundle, the bundle's panels, and which of them it is.
struct PanelPlace {
  int64_t bundle;
  int32_t width, index;
};

inline __attribute__((always_inline)) PanelPlace place_panel(const PackedMatrix& m, int64_t panel) {
  const int64_t at = panel % m.group_panels, whole = m.group_panels / kBundlePanels * kBundlePanels;
  const int64_t pairs = m.group_panels / 2 * 2;
  const int64_t first = at < whole ? at / kBundlePanels * kBundlePanels : at < pairs ? whole : pairs;
  return {(panel - at + first) * m.panel_bytes, at < whole ? kBundlePanels : at < pairs ? 2 : 1, int32_t(at - first)};
}

// body(panel, first source row, rows) for every panel, on all threads.
template <class Body>
void each_panel(ThreadPool& pool, PackedMatrix& matrix, const Body& body) {
  struct Job {
    PackedMatrix& matrix;
    const Body& body;
  } job{matrix, body};
  pool.run(matrix.num_panels, [](void* context, int64_t index, int) {
    const Job& job = *static_cast<const Job*>(context);
    PackedMatrix& m = job.matrix;
    const int64_t in_group = index % m.group_panels * kPanelRows;
    const int64_t rows = m.group_rows - in_group < kPanelRows ? m.group_rows - in_group : kPanelRows;
    job.body(index, index / m.group_panels * m.group_rows + in_group, rows);
  }, &job);
}

}  // namespace genarm::cpu
