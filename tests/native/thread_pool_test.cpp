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

}  // namespace

int main() {
  return run_tests({
      TEST(every_task_runs_once_and_its_writes_are_seen),
      TEST(threads_that_have_gone_to_sleep_wake_up),
      TEST(a_slow_task_is_waited_for),
  });
}
