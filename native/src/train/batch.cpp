#include "train/batch.h"

#include <algorithm>

#include "error.h"

namespace genarm::train {
namespace {

const char* const kParts[3] = {"prompt", "chosen", "rejected"};

void check_pair(const ga_train_batch& batch, int32_t pair, bool has_rejected, const ga_model_config& config) {
  const int32_t* lengths = batch.lengths + 3 * pair;
  for (int part = 0; part < 3; ++part) {
    const int32_t least = part == 2 && !has_rejected ? 0 : 1;
    const int32_t most = part == 2 && !has_rejected ? 0 : config.max_positions;
    REQUIRE(lengths[part] >= least && lengths[part] <= most, "pair %d: %s must have %d to %d tokens, got %d", pair,
            kParts[part], least, most, lengths[part]);
  }
  const int32_t longest = lengths[0] + std::max(lengths[1], lengths[2]);
  REQUIRE(longest <= config.max_positions, "pair %d has %d tokens, the model has %d positions", pair, longest,
          config.max_positions);
}

void check_ids(const int32_t* ids, const int32_t* lengths, int32_t pair, int32_t vocab_size) {
  for (int part = 0; part < 3; ++part) {
    for (int32_t i = 0; i < lengths[part]; ++i, ++ids) {
      REQUIRE(*ids >= 0 && *ids < vocab_size, "pair %d: %s[%d] is %d, the vocabulary has %d tokens", pair, kParts[part],
              i, *ids, vocab_size);
    }
  }
}

}  // namespace

Batch::Batch(const ga_train_batch& batch, bool has_rejected, const ga_model_config& config)
    : num_pairs(batch.num_pairs), group_first{0}, head_first{0}, entry_first{0} {
  REQUIRE(num_pairs >= 1, "num_pairs must be at least 1, got %d", num_pairs);
  REQUIRE(batch.token_ids != nullptr && batch.lengths != nullptr, "token_ids or lengths is null");
  const int32_t* next = batch.token_ids;
  for (int32_t pair = 0; pair < num_pairs; ++pair) {
    const int32_t* lengths = batch.lengths + 3 * pair;
    check_pair(batch, pair, has_rejected, config);
    check_ids(next, lengths, pair, config.vocab_size);
    add_pair(next, lengths);
    next += lengths[0] + lengths[1] + lengths[2];
  }
}

void Batch::add_pair(const int32_t* next, const int32_t* lengths) {
  const int32_t pair = int32_t(head_first.size()) - 1, prompt = lengths[0], parent = int32_t(segments.size());
  const int32_t *chosen = next + prompt, *rejected = chosen + lengths[1];
  add_rows(next, prompt, 0, -1);
  head_row.push_back(int32_t(ids.size()) - 1);
  add_entry(chosen[0], 2 * pair);
  if (lengths[2] > 0) add_entry(rejected[0], 2 * pair + 1);
  entry_first.push_back(int32_t(target.size()));
  add_response(chosen, lengths[1], prompt, parent, 2 * pair);
  add_response(rejected, lengths[2], prompt, parent, 2 * pair + 1);
  group_first.push_back(int32_t(segments.size()));
  head_first.push_back(int32_t(head_row.size()));
  max_sequence = std::max(max_sequence, prompt + std::max(lengths[1], lengths[2]));
}

void Batch::add_rows(const int32_t* from, int32_t count, int32_t first_position, int32_t parent) {
  segments.push_back({int32_t(ids.size()), count, parent});
  for (int32_t i = 0; i < count; ++i) {
    ids.push_back(from[i]);
    position.push_back(first_position + i);
  }
}

void Batch::add_entry(int32_t token, int32_t of) {
  target.push_back(token);
  response.push_back(of);
}

void Batch::add_response(const int32_t* from, int32_t count, int32_t prompt, int32_t parent, int32_t of) {
  response_tokens.push_back(count);
  if (count < 2) return;
  for (int32_t i = 0; i + 1 < count; ++i) {
    head_row.push_back(int32_t(ids.size()) + i);
    add_entry(from[i + 1], of);
    entry_first.push_back(int32_t(target.size()));
  }
  add_rows(from, count - 1, prompt, parent);
}

}  // namespace genarm::train
