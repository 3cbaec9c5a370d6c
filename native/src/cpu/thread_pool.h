// The threads of a CPU device. One parallel region runs at a time; its tasks are claimed one by one, so that a thread
// that the system has taken away holds up one task and not a share of the work.
//
// Waiting spins for some microseconds and then sleeps on a futex: the regions of a step follow each other closely,
// but a busy neighbour must get its core.
#pragma once

#include <stdint.h>

#include <vector>

namespace genarm::cpu {

class ThreadPool {
 public:
  using Task = void (*)(void* context, int64_t index, int thread);

  // The caller of run is thread 0; num_threads - 1 more are started. cpus: where thread i stays, or none; thread 0 is
  // left where it is, and so is one that the system does not move. Throws Error{GA_DEVICE_ERROR}.
  explicit ThreadPool(int num_threads, const std::vector<int>& cpus = {});
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  int num_threads() const { return num_threads_; }

  // task(context, i, thread) for every i < count, in any order, on any thread; returns when all have ended.
  // Tasks must not throw and must not call run.
  void run(int64_t count, Task task, void* context);

 private:
  struct State;
  State* state_;
  int num_threads_;
};

// A flag, 0 at first, that tasks of a region wait for until another has raised it, one that was claimed before them.
void raise_flag(uint32_t* flag);
void await_flag(uint32_t* flag);

// CPUs that this process may run on.
int num_online_cpus();

}  // namespace genarm::cpu
