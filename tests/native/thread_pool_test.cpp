// The pool: every task once, whatever the number of threads, and results visible to the caller.
#include "cpu/thread_pool.h"

#include <atomic>
#include <chrono>
#include <thread>
#include <vector>

#include "check.h"

using genarm::cpu::ThreadPool;

namespace {

void every_task_runs_once_and_its_writes_are_seen() {
  for (int threads : {1, 2, 3, 8}) {
    ThreadPool pool(threads);
    CHECK(pool.num_threads() == threads);
    // Regions of changing length, closely behind each other: a thread that is late must not take a task of the next.
    for (int region = 0; region < 3000; ++region) {
      const int64_t count = region % 37;
      std::vector<int> seen(size_t(count), 0);
      struct Job {
        std::vector<int>& seen;
        int threads;
        std::atomic<int> strangers{0};
      } job{seen, threads, {}};
      pool.run(count, [](void* context, int64_t index, int thread) {
        Job& j = *static_cast<Job*>(context);
        ++j.seen[size_t(index)];
        if (thread < 0 || thread >= j.threads) ++j.strangers;
      }, &job);
      CHECK(seen == std::vector<int>(size_t(count), 1));
      CHECK(job.strangers == 0);
    }
  }
}

void threads_that_have_gone_to_sleep_wake_up() {
  ThreadPool pool(3);
  for (int region = 0; region < 20; ++region) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));  // long past the spin
    std::atomic<int> sum{0};
    pool.run(50, [](void* context, int64_t index, int) { *static_cast<std::atomic<int>*>(context) += int(index); }, &sum);
    CHECK(sum == 1225);
  }
}

// The caller waits for a slow task of another thread, on the futex.
void a_slow_task_is_waited_for() {
  ThreadPool pool(4);
  std::atomic<int> ended{0};
  pool.run(4, [](void* context, int64_t, int) {
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
    ++*static_cast<std::atomic<int>*>(context);
  }, &ended);
  CHECK(ended == 4);
}

// What the task before them wrote is seen behind the flag by tasks that spin for it and by those that sleep for it, whether
// it is raised before they come or after.
void what_was_written_before_a_flag_is_raised_is_seen_behind_it() {
  for (int threads : {1, 2, 4}) {
    ThreadPool pool(threads);
    for (int region = 0; region < 400; ++region) {
      struct Job {
        uint32_t flag = 0;
        bool slow = false;
        int64_t written[7] = {};
        std::atomic<int> seen{0};
      } job;
      job.slow = region % 40 == 0;  // far past the spin: the others sleep
      pool.run(12, [](void* context, int64_t index, int) {
        Job& j = *static_cast<Job*>(context);
        if (index == 0) {
          if (j.slow) std::this_thread::sleep_for(std::chrono::milliseconds(1));
          for (int64_t& value : j.written) value = 42;
          genarm::cpu::raise_flag(&j.flag);
          return;
        }
        genarm::cpu::await_flag(&j.flag);
        int64_t sum = 0;
        for (int64_t value : j.written) sum += value;
        if (sum == 7 * 42) ++j.seen;
      }, &job);
      CHECK(job.seen == 11);
    }
  }
}

// Several tasks each take one off a count, and the last raises the flag: every part is seen, as low_rank.cpp relies on.
void the_last_of_several_tasks_raises_the_flag_for_all_of_their_writes() {
  constexpr int kParts = 5;
  for (int threads : {2, 4}) {
    ThreadPool pool(threads);
    for (int region = 0; region < 2000; ++region) {
      struct Job {
        uint32_t flag = 0, left = kParts;
        int64_t part[kParts] = {}, sum = 0;
        std::atomic<int> seen{0};
      } job;
      pool.run(kParts + 6, [](void* context, int64_t index, int) {
        Job& j = *static_cast<Job*>(context);
        if (index < kParts) {
          j.part[index] = index + 1;
          if (__atomic_sub_fetch(&j.left, 1, __ATOMIC_ACQ_REL) != 0) return;
          for (int64_t value : j.part) j.sum += value;
          genarm::cpu::raise_flag(&j.flag);
          return;
        }
        genarm::cpu::await_flag(&j.flag);
        if (j.sum == 15) ++j.seen;
      }, &job);
      CHECK(job.seen == 6);
    }
  }
}

}  // namespace

int main() {
  return run_tests({
      TEST(every_task_runs_once_and_its_writes_are_seen),
      TEST(threads_that_have_gone_to_sleep_wake_up),
      TEST(a_slow_task_is_waited_for),
      TEST(what_was_written_before_a_flag_is_raised_is_seen_behind_it),
      TEST(the_last_of_several_tasks_raises_the_flag_for_all_of_their_writes),
  });
}
