// Adapters' updates in a step: what shrink() computes before the launch of a stage, and finds beside its rows there.
#pragma once

#include <vector>

#include "backend.h"
#include "cuda/low_rank.h"

namespace genarm::cuda {

class StageUpdates {
 public:
  static constexpr int kMaxLayers = 3;  // of a problem that read the same rows: q, k and v

  // Device memory: records, and kMaxRank numbers for each.
  void use(RowUpdate* rows, float* u) {
    rows_ = rows;
    u_ = u;
  }
  // The stage before has been launched: its memory is free.
  void begin() { taken_ = 0; }
  // Where the records of a layer's num_rows rows will stand; null where it has no updates. updates: rising, disjoint.
  const RowUpdate* of_layer(Span<LowRank> updates, int32_t num_rows);
  // Launches what was asked for since the last call: the layers that read `input`.
  void shrink(const LowRankInput& input, stream_t stream);

 private:
  RowUpdate* rows_ = nullptr;
  float* u_ = nullptr;
  int64_t taken_ = 0;  // records
  std::vector<LowRankUpdate> asked_;
};

}  // namespace genarm::cuda
