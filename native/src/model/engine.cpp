#include "model/engine.h"

#include <algorithm>
#include <cstring>

#include "error.h"

namespace genarm {
namespace {

void require_limit(const char* name, int32_t value, int32_t lowest, int32_t highest) {
  REQUIRE(value >= lowest && value <= highest, "%s must be in [%d, %d], got %d", name, lowest, highest, value);
}

const ga_engine_config& checked(const ga_engine_config& c) {
  constexpr int32_t kMany = 1 << 20;
  require_limit("vocab_size", c.vocab_size, 1, 1 << 24);
  require_limit("max_model_len", c.max_model_len, 1, 1 << 24);
  require_limit("max_rows", c.max_rows, 1, kMany);
  require_limit("max_lanes", c.max_lanes, 1, kMany);
  require_limit("max_sequences", c.max_sequences, 1, kMany);
  require_limit("max_terms", c.max_terms, 1, kMany);
  require_limit("max_components", c.max_components, 0, kMany);
  require_limit("page_size", c.page_size, 16, 1 << 16);
  REQUIRE(c.page_size % 16 == 0, "page_size must be a multiple of 16, got %d", c.page_size);
  REQUIRE(c.activations == GA_F32 || c.activations == GA_BF16 || c.activations == GA_INT8,
          "activations must be GA_F32, GA_BF16 or GA_INT8, got %d", c.activations);
  return c;
}

// Copies `values` into the plan; returns where the device finds them.
template <class T>
const T* publish(PlanArena& plan, const std::vector<T>& values) {
  const T* device;
  T* host = plan.take<T>(int64_t(values.size()), &device);
  if (!values.empty()) memcpy(host, values.data(), values.size() * sizeof(T));
  return device;
}

}  // namespace

Engine::Engine(Backend& backend, const ga_engine_config& limits)
    : backend_(backend), limits_(checked(limits)), arrays_(limits_) {
  backend.set_activations(Dtype(limits.activations));
}

std::unique_ptr<Buffer> Engine::allocate(size_t bytes) {
  auto buffer = backend_.allocate(bytes);
  bytes_ += int64_t(buffer->bytes);
  return buffer;
}

void Engine::add_view(std::shared_ptr<const WeightSet> weights, int32_t num_pages) {
  REQUIRE(!started(), "views are added before the engine is started");
  REQUIRE(&weights->backend() == &backend_, "the weights are on another device than the engine");
  REQUIRE(weights->finished(), "the weights are not finished: call ga_weights_finish first");
  const ga_model_config& config = weights->config();
  REQUIRE(config.vocab_size >= limits_.vocab_size, "the model's vocabulary has %d tokens, the engine draws from %d",
          config.vocab_size, limits_.vocab_size);

  if (!views_.empty() && views_.back().weights == weights) {
    views_.push_back(views_.back());
  } else {
    for (const View& view : views_) {
      REQUIRE(view.weights != weights, "views over the same weights must be added one after the other");
    }
    require_limit("num_pages", num_pages, 1, 1 << 28);
    const int32_t set = views_.empty() ? 0 : views_.back().set + 1;
    REQUIRE(set < kMaxSets, "an engine has at most %d weight sets", kMaxSets);
    views_.push_back({std::move(weights), set, num_pages});
  }
  view_limits_.push_back({views_.back().num_pages, config.vocab_size});
}

void Engine::start() {
  REQUIRE(!started(), "the engine is already started");
  REQUIRE(!views_.empty(), "the engine has no views");
  sets_.clear();  // of a start that failed
  x_.clear();
  bytes_ = 0;
  const size_t x_rows = size_t(limits_.max_terms + limits_.max_components);
  const size_t laws = size_t(limits_.max_sequences + limits_.max_components);
  for (size_t v = 0; v < views_.size(); ++v) {
    if (v > 0 && views_[v].set == views_[v - 1].set) continue;
    sets_.push_back(std::make_unique<SetRunner>(backend_, *views_[v].weights, limits_, views_[v].num_pages));
    bytes_ += sets_.back()->bytes;
    x_.push_back(allocate(x_rows * size_t(views_[v].weights->config().hidden_size) * sizeof(float)));
  }
  z_ = allocate(laws * size_t(limits_.vocab_size) * sizeof(float));
  sampled_ = allocate(laws * sizeof(int32_t));
  set_first_.reserve(sets_.size() + 1);
  active_.reserve(sets_.size());
  head_ = std::make_unique<HeadPlan>(limits_, int32_t(sets_.size()));
  reserve_backend();

  auto plan = std::make_unique<PlanArena>(backend_, plan_bytes());
  bytes_ += int64_t(plan->bytes());
  plan_ = std::move(plan);
}

void Engine::reserve_backend() {
  Backend::Limits limits{};
  for (const auto& set : sets_) {
    const ga_model_config& c = set->weights.config();
    limits.max_columns = std::max({limits.max_columns, c.hidden_size, c.intermediate_size, c.num_heads * c.head_dim});
    limits.max_heads = std::max(limits.max_heads, c.num_heads);
    limits.head_dim = std::max(limits.head_dim, c.head_dim);
  }
  limits.max_rows = limits_.max_rows;
  limits.max_sequences = limits_.max_sequences + limits_.max_components;
  limits.max_x = limits_.max_terms + limits_.max_components;
  limits.vocab_size = limits_.vocab_size;
  limits.max_positions = limits_.max_model_len;
  backend_.reserve(limits);
}

// The most that publish_rows and publish_sums can take, with each array's share of alignment.
size_t Engine::plan_bytes() const {
  const size_t rows = size_t(limits_.max_rows), lanes = size_t(limits_.max_lanes);
  const size_t pages = lanes * size_t(arrays_.step().max_pages_per_lane);
  const size_t terms = size_t(limits_.max_terms + limits_.max_components);
  const size_t laws = size_t(limits_.max_sequences + limits_.max_components);
  const size_t values = rows * 3 + lanes + pages + terms * 6 + laws;
  const size_t arrays = sets_.size() * 8 + 8;
  return values * sizeof(int32_t) + laws * sizeof(SamplingPlan) + arrays * 128;
}

void Engine::find_set_rows() {
  const ga_step& step = arrays_.step();
  set_first_.assign(1, 0);
  int32_t row = 0;
  for (int32_t l = 0; l < step.num_lanes; ++l) {
    const size_t set = size_t(views_[size_t(step.lane_view[l])].set);
    while (set_first_.size() <= set) set_first_.push_back(row);
    row += step.lane_rows[l];
  }
  set_first_.resize(sets_.size() + 1, row);
}

// Tells each set where its rows stand.
void Engine::publish_rows() {
  const ga_step& step = arrays_.step();
  const int32_t* pages_device;
  int32_t num_pages = 0;
  for (int32_t l = 0; l < step.num_lanes; ++l) {
    num_pages += (step.lane_position[l] + step.lane_rows[l] - 1) / limits_.page_size + 1;
  }
  int32_t* pages = plan_->take<int32_t>(num_pages, &pages_device);

  active_.clear();
  int32_t lane = 0, page = 0;
  for (size_t s = 0; s < sets_.size(); ++s) {
    SetRunner& set = *sets_[s];
    const int32_t first = set_first_[s], num_rows = set_first_[s + 1] - first;
    int32_t num_lanes = 0;
    while (lane + num_lanes < step.num_lanes && views_[size_t(step.lane_view[lane + num_lanes])].set == int32_t(s)) {
      ++num_lanes;
    }
    set.rows = {};
    set.rows.pages = pages_device;
    set.rows.num_rows = num_rows;
    set.rows.num_lanes = num_lanes;
    int32_t* ids = plan_->take<int32_t>(num_rows, &set.ids);
    int32_t* position = plan_->take<int32_t>(num_rows, &set.rows.position);
    int32_t* page_table = plan_->take<int32_t>(num_rows, &set.rows.page_table);
    int32_t* lane_first = plan_->take<int32_t>(num_lanes + 1, &set.rows.lane_first);

    int32_t row = 0;
    for (int32_t l = 0; l < num_lanes; ++l, ++lane) {
      lane_first[l] = row;
      for (int32_t r = 0; r < step.lane_rows[lane]; ++r, ++row) {
        ids[row] = step.token_ids[first + row];
        position[row] = step.lane_position[lane] + r;
        page_table[row] = page;
      }
      const int32_t count = (step.lane_position[lane] + step.lane_rows[lane] - 1) / limits_.page_size + 1;
      memcpy(pages + page, step.lane_pages + int64_t(lane) * step.max_pages_per_lane, size_t(count) * sizeof(int32_t));
      page += count;
    }
    lane_first[num_lanes] = row;
    if (num_rows > 0) active_.push_back(&set);
  }
}

// Tells the LM heads which hidden states they read and how their logits add up.
void Engine::publish_sums() {
  head_->build(arrays_.step(), set_first_);
  num_final_norms_ = 0;
  for (size_t s = 0; s < sets_.size(); ++s) {
    const HeadPlan::SetInputs& inputs = head_->inputs()[s];
    const WeightSet& weights = sets_[s]->weights;
    problems_[s] = {weights.lm_head(), x_[s]->as<float>(), inputs.num_x()};
    if (inputs.num_x() == 0) continue;

    FinalNormArgs& a = final_norms_[num_final_norms_++];
    a.x = x_[s]->as<float>();
    a.hidden = sets_[s]->hidden->as<float>();
    a.norm = weights.final_norm();
    a.first = publish(*plan_, inputs.first);
    a.row = publish(*plan_, inputs.row);
    a.scale = publish(*plan_, inputs.scale);
    a.eps = weights.config().rms_norm_eps;
    a.num_x = inputs.num_x();
    a.hidden_size = weights.config().hidden_size;
  }
  lm_head_.sampled = sampled_->as<int32_t>();
  lm_head_.z = z_->as<float>();
  lm_head_.problems = {problems_, int32_t(sets_.size())};
  lm_head_.first = publish(*plan_, head_->first());
  lm_head_.problem = publish(*plan_, head_->set());
  lm_head_.x_row = publish(*plan_, head_->x_row());
  lm_head_.plan = publish(*plan_, head_->sampling());
  lm_head_.num_sequences = int32_t(head_->sampling().size());
  lm_head_.vocab_size = limits_.vocab_size;
}

void Engine::run_head() {
  backend_.final_norm({final_norms_, num_final_norms_});
  backend_.lm_head(lm_head_);
  backend_.sample({lm_head_.sampled, lm_head_.z, lm_head_.plan, head_->num_sequences(), limits_.vocab_size});
  if (head_->num_components() > 0) {
    float* components = lm_head_.z + int64_t(limits_.max_sequences) * limits_.vocab_size;
    backend_.log_softmax({components, head_->num_components(), limits_.vocab_size});
  }
}

void Engine::step() {
  REQUIRE(started(), "the engine is not started");
  const ga_step& step = arrays_.step();
  check_step(step, limits_, view_limits_);

  backend_.set_activations(Dtype(limits_.activations));  // engines share a device
  plan_->reset();
  find_set_rows();
  publish_rows();
  publish_sums();
  plan_->upload();

  if (!active_.empty()) run_layers(backend_, {active_.data(), int32_t(active_.size())});
  if (step.num_sequences > 0) {
    run_head();
    backend_.download(step.sampled, sampled_->data, size_t(step.num_sequences) * sizeof(int32_t));
  }
  backend_.synchronize();
}

void Engine::read_row(int32_t z_row, float* out) {
  const size_t vocab_size = size_t(limits_.vocab_size);
  backend_.download(out, z_->as<float>() + size_t(z_row) * vocab_size, vocab_size * sizeof(float));
  backend_.synchronize();
}

void Engine::law(int32_t sequence, float* out) {
  const int32_t row = started() ? head_->law_row(sequence) : -1;
  REQUIRE(row >= 0, "sequence %d of the last step did not keep its law (GA_KEEP_LAW)", sequence);
  read_row(row, out);
}

void Engine::component(int32_t sequence, int32_t term, float* out) {
  const int32_t row = started() ? head_->component_row(sequence, term) : -1;
  REQUIRE(row >= 0, "term %d of sequence %d of the last step was not kept (GA_KEEP_COMPONENTS)", term, sequence);
  read_row(row, out);
}

}  // namespace genarm
