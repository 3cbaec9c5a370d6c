#include "thread_pool.h"

#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <climits>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

#include "../error.h"
#include "affinity.h"

namespace genarm::cpu {
namespace {

// Regions of a step are a few microseconds apart; longer waits mean that the engine is idle or a core is taken.
constexpr auto kSpin = std::chrono::microseconds(20);
constexpr auto kSpinOversubscribed = std::chrono::microseconds(1);

void pause() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

void futex_wait(std::atomic<uint32_t>& word, uint32_t expected) {
  syscall(SYS_futex, reinterpret_cast<uint32_t*>(&word), FUTEX_WAIT_PRIVATE, expected, nullptr, nullptr, 0);
}

void futex_wake(std::atomic<uint32_t>& word, int count) {
  syscall(SYS_futex, reinterpret_cast<uint32_t*>(&word), FUTEX_WAKE_PRIVATE, count, nullptr, nullptr, 0);
}

// True as soon as ready() is, false after `limit`.
template <class Ready>
bool spin_until(Ready ready, std::chrono::nanoseconds limit) {
  const auto end = std::chrono::steady_clock::now() + limit;
  do {
    for (int i = 0; i < 32; ++i) {
      if (ready()) return true;
      pause();
    }
  } while (std::chrono::steady_clock::now() < end);
  return ready();
}

// As profilers and ps show it.
void name_thread(int thread) {
  pthread_setname_np(pthread_self(), ("genarm-" + std::to_string(thread)).c_str());
}

constexpr uint32_t kRaised = 1, kAwaited = 2;

// A thread that has left a CPU and meets another again this soon: CPUs are short, and it lets the system place it.
constexpr auto kSettle = std::chrono::milliseconds(2);

// Where the threads of a pool woke up last. The system may wake a thread on the CPU of the one that wakes it though
// another is idle, and leave both there: they take turns, and a step takes longer than on one thread.
class Places {
 public:
  explicit Places(int num_threads) : places_(size_t(num_threads)) {}

  void enter(int thread) { places_[size_t(thread)].cpu.store(sched_getcpu(), std::memory_order_relaxed); }

  // As enter; and where another thread is on the same CPU, this one leaves it.
  void enter_apart(int thread) {
    enter(thread);
    Place& mine = places_[size_t(thread)];
    const auto met = [&](const Place& other) {
      return &other != &mine && other.cpu.load(std::memory_order_relaxed) == mine.cpu.load(std::memory_order_relaxed);
    };
    if (std::none_of(places_.begin(), places_.end(), met)) return;
    const auto now = std::chrono::steady_clock::now();
    if (now - mine.left < kSettle) return;
    mine.left = now;
    cpu_set_t taken;
    CPU_ZERO(&taken);
    for (const Place& other : places_) {
      const int cpu = other.cpu.load(std::memory_order_relaxed);
      if (&other != &mine && cpu >= 0) CPU_SET(cpu, &taken);  // no effect on one beyond the set's
    }
    const int cpu = leave_cpus(taken);
    if (cpu >= 0) mine.cpu.store(cpu, std::memory_order_relaxed);
  }

 private:
  struct Place {
    std::atomic<int> cpu{-1};
    std::chrono::steady_clock::time_point left{};  // its own thread's
  };
  std::vector<Place> places_;
};

}  // namespace

void raise_flag(uint32_t* flag) {
  if (__atomic_exchange_n(flag, kRaised, __ATOMIC_ACQ_REL) == kAwaited)
    syscall(SYS_futex, flag, FUTEX_WAKE_PRIVATE, INT_MAX, nullptr, nullptr, 0);
}

void await_flag(uint32_t* flag) {
  const auto raised = [&] { return __atomic_load_n(flag, __ATOMIC_ACQUIRE) == kRaised; };
  if (raised() || spin_until(raised, kSpin)) return;
  uint32_t seen = 0;
  __atomic_compare_exchange_n(flag, &seen, kAwaited, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE);
  while (!raised()) syscall(SYS_futex, flag, FUTEX_WAIT_PRIVATE, kAwaited, nullptr, nullptr, 0);
}

int num_online_cpus() {
  const int allowed = int(allowed_cpus().size());
  return allowed > 0 ? allowed : std::max(1, int(std::thread::hardware_concurrency()));
}

// `claim` holds the region's number above the next unclaimed task. It is closed while a region's fields are written:
// a thread that has read any of them early finds the claim changed, and its exchange fails.
struct ThreadPool::State {
  alignas(64) std::atomic<uint64_t> claim{0};
  std::atomic<Task> task{nullptr};
  std::atomic<void*> context{nullptr};
  std::atomic<uint32_t> count{0};
  alignas(64) std::atomic<uint32_t> done{0};
  std::atomic<uint32_t> caller_sleeps{0};
  alignas(64) std::atomic<uint32_t> region{0};
  std::atomic<uint32_t> sleepers{0};
  std::atomic<bool> closing{false};
  std::chrono::nanoseconds spin{kSpin};
  Places places;
  bool apart = true;  // there are CPUs for all, and nobody has said which
  std::vector<std::thread> threads;

  explicit State(int num_threads) : places(num_threads) {}

  // Claims and runs tasks of the current region until none is left.
  void work(int thread) {
    for (;;) {
      uint64_t seen = claim.load(std::memory_order_acquire);
      const Task f = task.load(std::memory_order_acquire);
      void* const c = context.load(std::memory_order_acquire);
      const uint32_t n = count.load(std::memory_order_acquire);
      const uint32_t next = uint32_t(seen);
      if (next >= n) return;
      if (!claim.compare_exchange_weak(seen, seen + 1, std::memory_order_acq_rel, std::memory_order_relaxed)) continue;
      f(c, next, thread);
      if (done.fetch_add(1) + 1 == n && caller_sleeps.load()) futex_wake(done, 1);
    }
  }

  void serve(int thread) {
    uint32_t seen = 0;
    for (;;) {
      if (!spin_until([&] { return region.load(std::memory_order_acquire) != seen; }, spin)) {
        sleepers.fetch_add(1);
        while (region.load() == seen) futex_wait(region, seen);
        sleepers.fetch_sub(1);
        if (apart) places.enter_apart(thread);
      }
      seen = region.load(std::memory_order_acquire);
      if (closing.load()) return;
      work(thread);
    }
  }

  void announce() {
    region.fetch_add(1);
    if (sleepers.load() == 0) return;
    if (apart) places.enter(0);
    futex_wake(region, INT_MAX);
  }

  void close() {
    closing.store(true);
    announce();
    for (std::thread& thread : threads) thread.join();
  }
};

ThreadPool::ThreadPool(int num_threads, const std::vector<int>& cpus)
    : state_(new State(num_threads)), num_threads_(num_threads) {
  const bool short_of_cpus = num_threads > num_online_cpus();
  if (short_of_cpus) state_->spin = kSpinOversubscribed;
  state_->apart = cpus.empty() && !short_of_cpus;
  try {
    for (int i = 1; i < num_threads; ++i) {
      const int cpu = cpus.empty() ? -1 : cpus[size_t(i)];
      state_->threads.emplace_back([s = state_, i, cpu] {
        name_thread(i);
        if (cpu >= 0) pin_this_thread(cpu);
        s->serve(i);
      });
    }
  } catch (const std::system_error& error) {
    state_->close();
    const int started = int(state_->threads.size()) + 1;
    delete state_;
    fail(GA_DEVICE_ERROR, "only %d of %d threads could be started: %s", started, num_threads, error.what());
  }
}

ThreadPool::~ThreadPool() {
  state_->close();
  delete state_;
}

void ThreadPool::run(int64_t count, Task task, void* context) {
  if (count <= 1 || num_threads_ == 1) {
    for (int64_t i = 0; i < count; ++i) task(context, i, 0);
    return;
  }
  State& s = *state_;
  const uint64_t number = (s.claim.load(std::memory_order_relaxed) >> 32) + 1;
  s.claim.store(number << 32 | UINT32_MAX, std::memory_order_relaxed);
  s.task.store(task, std::memory_order_release);
  s.context.store(context, std::memory_order_release);
  s.count.store(uint32_t(count), std::memory_order_release);
  s.done.store(0, std::memory_order_relaxed);
  s.claim.store(number << 32, std::memory_order_release);
  s.announce();
  s.work(0);

  const auto ended = [&] { return s.done.load(std::memory_order_acquire) == uint32_t(count); };
  if (spin_until(ended, s.spin)) return;
  s.caller_sleeps.store(1);
  for (uint32_t done; (done = s.done.load()) != uint32_t(count);) futex_wait(s.done, done);
  s.caller_sleeps.store(0);
}

}  // namespace genarm::cpu
