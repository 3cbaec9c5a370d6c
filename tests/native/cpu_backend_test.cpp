// The CPU backend as a whole: the choice of instruction set, activations in bf16, memory.
#include <malloc.h>

#include <atomic>
#include <cstdlib>
#include <thread>

#include "backends.h"
#include "cpu/affinity.h"
#include "cpu/thread_pool.h"
#include "draws.h"
#include "error.h"

using namespace genarm_test;

namespace {

template <class F>
void refused(F&& run, ga_status status, const std::string& text) {
  try {
    run();
    CHECK(!"refused");
  } catch (const Error& error) {
    CHECK(error.status == status);
    if (error.what() != text) std::fprintf(stderr, "%s\n", error.what());
    CHECK(error.what() == text);
  }
}

void the_environment_names_a_lower_instruction_set() {
  for (cpu::Isa isa : cpu::available_isas()) {
    setenv("GENARM_ISA", cpu::isa_name(isa), 1);
    CHECK(cpu::choose_isa() == isa);
  }
  setenv("GENARM_ISA", "portable", 1);
  CHECK(open_cpu_backend(1)->description() == "cpu, portable kernels, 1 thread");
  CHECK(open_cpu_backend(2)->description() == "cpu, portable kernels, 2 threads");

  std::string names;
  for (cpu::Isa isa : cpu::available_isas()) names += (names.empty() ? "" : ", ") + std::string(cpu::isa_name(isa));
  setenv("GENARM_ISA", "sse9", 1);
  refused([] { open_cpu_backend(1); }, GA_INVALID_ARGUMENT, "GENARM_ISA is \"sse9\", this machine has " + names);
  unsetenv("GENARM_ISA");
  CHECK(cpu::choose_isa() == cpu::available_isas().back());
}

void a_number_of_threads_out_of_range_is_named() {
  refused([] { open_cpu_backend(-1); }, GA_INVALID_ARGUMENT, "num_threads must be in [0, 1024], got -1");
  refused([] { open_cpu_backend(1025); }, GA_INVALID_ARGUMENT, "num_threads must be in [0, 1024], got 1025");
}

void a_list_of_cpus_is_read_or_refused() {
  const int first = cpu::allowed_cpus().front(), last = cpu::allowed_cpus().back();
  const std::string one = std::to_string(first);
  CHECK(cpu::parse_cpu_list(one) == std::vector<int>{first});
  CHECK(cpu::parse_cpu_list(one + "-" + one) == std::vector<int>{first});
  if (last == first + 1) CHECK(cpu::parse_cpu_list(one + "-" + std::to_string(last)) == cpu::allowed_cpus());
  if (last != first)
    CHECK((cpu::parse_cpu_list(std::to_string(last) + "," + one) == std::vector<int>{last, first}));
  for (const char* list : {"", "a", "0-", "-1", "3-2", "0,", "0 ,1", "9999", "0x1", "99999999999"})
    refused([&] { cpu::parse_cpu_list(list); }, GA_INVALID_ARGUMENT, std::string("CPUs are a list as 0-3,6, got ") + list);
  refused([&] { cpu::parse_cpu_list(one + "," + one); }, GA_INVALID_ARGUMENT,
          "CPU " + one + " stands twice in " + one + "," + one);
  refused([] { cpu::parse_cpu_list("1023"); }, GA_DEVICE_ERROR,
          "CPU 1023 of 1023 is not there, or this process may not run on it");
}

void threads_stay_on_the_cpus_that_were_named() {
  const std::vector<int> cpus(2, cpu::allowed_cpus().back());
  CHECK(open_cpu_backend(0, cpus)->description().find("2 threads pinned") != std::string::npos);
  refused([&] { open_cpu_backend(3, cpus); }, GA_INVALID_ARGUMENT,
          "3 threads cannot be kept on 2 CPUs: leave num_threads at 0");

  cpu::ThreadPool pool(2, cpus);
  struct Seen {
    std::vector<int> cpus[2];
    std::atomic<int> arrived{0};
  } seen;
  pool.run(2, [](void* context, int64_t, int thread) {
    Seen& s = *static_cast<Seen*>(context);
    s.cpus[thread] = cpu::allowed_cpus();
    ++s.arrived;
    while (s.arrived < 2) std::this_thread::yield();  // so that each thread has one of the two tasks
  }, &seen);
  CHECK(seen.cpus[0] == cpu::allowed_cpus());
  CHECK(seen.cpus[1] == std::vector<int>{cpus[1]});
}

void a_thread_leaves_the_cpus_that_are_taken() {
  const std::vector<int> allowed = cpu::allowed_cpus();
  for (const int to : allowed) {
    cpu_set_t taken;
    CPU_ZERO(&taken);
    for (const int cpu : allowed)
      if (cpu != to) CPU_SET(cpu, &taken);
    CHECK(cpu::leave_cpus(taken) == to);
    CHECK(cpu::allowed_cpus() == allowed);
    CPU_SET(to, &taken);
    CHECK(cpu::leave_cpus(taken) == -1);
    CHECK(cpu::allowed_cpus() == allowed);
  }
}

void memory_is_zeroed_aligned_and_may_run_out() {
  Backend& backend = *backends().front();
  for (size_t bytes : {size_t(1), size_t(100), size_t(5) << 20}) {
    const auto buffer = backend.allocate(bytes);
    CHECK(reinterpret_cast<uintptr_t>(buffer->data) % 64 == 0);
    CHECK(buffer->bytes == bytes);
    for (size_t i = 0; i < bytes; i += 97) CHECK(buffer->as<char>()[i] == 0);
  }
  CHECK(backend.allocate(0)->bytes == 0);
  const size_t most = size_t(1) << 62;
  refused([&] { backend.allocate(most); }, GA_OUT_OF_MEMORY, "cannot allocate 4611686018427387904 bytes");
  refused([&] { backend.allocate(~size_t(0)); }, GA_OUT_OF_MEMORY, "cannot allocate 18446744073709551615 bytes");
}

// bf16 activations: the same products over inputs rounded to bf16 where the weights are bf16, else f32's.
Floats project(Backend& backend, const TestMatrix& weight, const Floats& x, int32_t rows) {
  const auto hidden = put(backend, Floats(size_t(rows * weight.rows), 0.0f)), inputs = put(backend, x);
  const ProjectArgs args{hidden, inputs, weight.packed.get(), nullptr, rows, {}};
  backend.project({&args, 1});
  return get(backend, hidden);
}

void bf16_activations_round_the_inputs_where_the_machine_has_them() {
  on_every_backend([](Backend& backend) {
    const bool has = backend.description().find("BF16") != std::string::npos;
    if (!has) {
      const std::string title = backend.description().substr(5, backend.description().rfind(',') - 5);
      refused([&] { backend.set_activations(Dtype::bf16); }, GA_UNSUPPORTED,
              "activations on a CPU with " + title + " are f32 or int8, got dtype 2");
      return;
    }
    backend.set_activations(Dtype::bf16);
    for (Dtype dtype : kDtypes) {
      Random random(4);
      const TestMatrix weight = make_matrix(backend, random, 100, 67, dtype);
      const Floats x = random.floats(30 * 67);
      Floats alone;
      for (int32_t rows : {1, 2, 5, 12, 13, 30}) {
        Floats found = project(backend, weight, Floats(x.begin(), x.begin() + rows * 67), rows);
        for (int32_t r = 0; r < rows; ++r) {
          Doubles rounded;
          for (int k = 0; k < 67; ++k)
            rounded.push_back(double(round_to(dtype == Dtype::bf16 ? dtype : Dtype::f32, x[size_t(r * 67 + k)])));
          const Doubles expected = weight.times(rounded);
          for (size_t i = 0; i < 100; ++i) CHECK_NEAR(found[size_t(r) * 100 + i], expected[i], 2e-5);
        }
        found.resize(100);
        if (rows == 1) alone = found;
        CHECK(found == alone);
      }
    }
    backend.set_activations(Dtype::f32);
  });
  refused([] { backends().front()->set_activations(Dtype::f16); }, GA_UNSUPPORTED,
          "activations on a CPU with portable kernels are f32 or int8, got dtype 1");
}

// After reserve, a step within the limits takes no memory.
void nothing_is_allocated_within_the_limits() {
  cpu::CpuBackend backend(2, cpu::available_isas().back());
  constexpr int32_t kRows = 40, kVocab = 700, kSequences = 20, kHidden = 48, kInner = 90, kHeads = 4, kDim = 12, kRank = 8;
  Random random(1);
  const TestMatrix wide = make_matrix(backend, random, kInner, kHidden, Dtype::bf16),
                   narrow = make_matrix(backend, random, kHidden, kInner, Dtype::bf16),
                   table = make_matrix(backend, random, kVocab, kHidden, Dtype::bf16),
                   head = make_matrix(backend, random, kHeads * kDim, kHidden, Dtype::bf16, kDim);
  const TestUpdate update = make_update(backend, random, kHidden, kInner, kRank, 2, 3, 30);
  const auto hidden = put(backend, random.floats(kRows * kHidden)), inner = room(backend, kRows * kInner),
             norm = put(backend, random.floats(kHidden)), q = room(backend, kRows * kHeads * kDim),
             x = room(backend, kRows * kHidden), trig = put(backend, random.floats(1000 * kDim / 2)),
             cache = put(backend, Floats(2 * kHeads * kDim * 1008, 0.0f)), z = room(backend, kSequences * kVocab),
             scale = put(backend, Floats(kSequences, 1.0f));
  std::vector<int32_t> ids(kRows, 5), position, pages, row, first = {0};
  for (int32_t r = 0; r < kRows; ++r) position.push_back(960 + r);
  for (int32_t p = 0; p < 63; ++p) pages.push_back(p);
  std::vector<SamplingPlan> plans;
  for (int32_t s = 0; s < kSequences; ++s) {
    row.push_back(s);
    first.push_back(s + 1);
    plans.push_back(plain(1, s, s % 2 ? s : -1));
    plans.back().top_k = 10;
    plans.back().top_p = 0.9f;
    plans.back().keep_law = 1;
  }
  const auto d_ids = put(backend, ids), d_position = put(backend, position),
             d_table = put(backend, std::vector<int32_t>(kRows, 0)), d_pages = put(backend, pages),
             d_lanes = put(backend, std::vector<int32_t>{0, kRows}), d_row = put(backend, row),
             d_first = put(backend, first), sampled = put(backend, row),
             d_problem = put(backend, std::vector<int32_t>(kSequences, 0));
  const auto d_plans = put(backend, plans);
  const RowPlan rows{d_position, d_table, d_pages, d_lanes, kRows, 1};
  const KvCache kv{cache, 63, 16, kHeads, kDim};

  backend.reserve({kRows, kInner, kSequences, kSequences, kVocab, kHeads, 1000, kDim, kRank});
  const size_t before = mallinfo2().uordblks + mallinfo2().hblkhd;
  const int64_t growths = backend.scratch_growths();

  const EmbedArgs embed{hidden, d_ids, table.packed.get(), kRows};
  backend.embed({&embed, 1});
  QkvArgs qkv{};
  qkv.q = q;
  qkv.cache = kv;
  qkv.hidden = hidden;
  qkv.norm = norm;
  qkv.q_proj = qkv.k_proj = qkv.v_proj = head.packed.get();
  qkv.rope_cos = qkv.rope_sin = trig;
  qkv.num_heads = qkv.num_kv_heads = kHeads;
  qkv.head_dim = kDim;
  qkv.rows = rows;
  backend.qkv({&qkv, 1});
  const AttentionArgs attention{x, q, kv, 0, 0, kHeads, rows};
  backend.attention({&attention, 1});
  const GateUpArgs gate_up{inner, hidden, norm, wide.packed.get(), wide.packed.get(), nullptr, nullptr, 1e-5f, kRows, {},
                           {}};
  backend.gate_up({&gate_up, 1});
  const ProjectArgs project{hidden, inner, narrow.packed.get(), nullptr, kRows, {&update.update, 1}};
  backend.project({&project, 1});
  const FinalNormArgs final_norm{x, hidden, norm, d_first, d_row, scale, 1e-5f, kSequences, kHidden};
  backend.final_norm({&final_norm, 1});
  const HeadProblem problem{table.packed.get(), x, kSequences, nullptr};
  backend.lm_head({sampled, z, {&problem, 1}, d_first, d_problem, d_row, d_plans, kSequences, kVocab});
  backend.sample({sampled, z, d_plans, kSequences, kVocab});
  backend.log_softmax({z, kSequences, kVocab});

  CHECK(mallinfo2().uordblks + mallinfo2().hblkhd == before);
  CHECK(backend.scratch_growths() == growths);
}

}  // namespace

int main() {
  return run_tests({
      TEST(the_environment_names_a_lower_instruction_set),
      TEST(a_number_of_threads_out_of_range_is_named),
      TEST(a_list_of_cpus_is_read_or_refused),
      TEST(threads_stay_on_the_cpus_that_were_named),
      TEST(a_thread_leaves_the_cpus_that_are_taken),
      TEST(memory_is_zeroed_aligned_and_may_run_out),
      TEST(bf16_activations_round_the_inputs_where_the_machine_has_them),
      TEST(nothing_is_allocated_within_the_limits),
  });
}
