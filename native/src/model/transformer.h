// The decoder-only transformer, once for every family and device: embedding, then for each layer
//   h += o_proj(attention(rope(qkv(norm(h))))),   h += down_proj(silu(gate(norm(h))) * up(norm(h))).
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "backend.h"
#include "genarm.h"
#include "model/adapter.h"
#include "model/weights.h"

namespace genarm {

constexpr int32_t kMaxSets = 16;   // weight sets in one engine
constexpr int32_t kMaxViews = 32;  // views over one weight set

// Consecutive rows of a set that belong to a view with an adapter.
struct AdapterRows {
  const Adapter* adapter;
  int32_t first_row, num_rows;
  const float* preference;  // [num_rows, preference_stride] on the device, or null
  int32_t preference_stride;
};

// One weight set at work: its activations, its KV pages and its rows in the current step.
struct SetRunner {
  SetRunner(Backend& backend, const WeightSet& weights, const ga_engine_config& limits, int32_t num_pages);

  const WeightSet& weights;
  KvCache cache;
  std::unique_ptr<Buffer> hidden;     // [max_rows, hidden_size], after run_layers not yet normalised
  std::unique_ptr<Buffer> q;          // [max_rows, num_heads * head_dim]
  std::unique_ptr<Buffer> attention;  // the same
  std::unique_ptr<Buffer> inner;      // [max_rows, intermediate_size]
  std::unique_ptr<Buffer> kv, rope_cos, rope_sin;
  int64_t bytes = 0;

  RowPlan rows;                       // on the device
  const int32_t* ids = nullptr;       // [rows.num_rows] on the device; below 0: of `drawn`, as EmbedArgs
  const int32_t* drawn = nullptr;     // what the step before drew, on the device
  AdapterRows adapters[kMaxViews];
  int32_t num_adapters = 0;

  // The updates of one linear layer in this step; `slot` tells apart the layers of one operation.
  Span<LowRank> low_ranks(int32_t slot, int32_t layer, Module module);

 private:
  LowRank low_ranks_[3][kMaxViews];
};

// Runs the rows of every set through its layers. The same stage of different sets is one call, so that a reward
// model adds bytes to a step but no barriers.
void run_layers(Backend& backend, Span<SetRunner*> active);

// The update that `rows` adds to one linear layer; false where its adapter has none.
bool low_rank_of(const AdapterRows& rows, int32_t layer, Module module, LowRank* out);

}  // namespace genarm
