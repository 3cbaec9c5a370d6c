// A stack to run on, and the switch between stacks, announced to the sanitizers.
//
// ThreadSanitizer sees every fiber as a thread, and a switch as ordering nothing: only what the executor declares
// with order_release and order_acquire makes one thread's writes visible to another, as on a GPU.
#pragma once

#include <cstddef>

namespace simt {

class Fiber {
 public:
  Fiber() = default;
  ~Fiber();
  Fiber(const Fiber&) = delete;
  Fiber& operator=(const Fiber&) = delete;

  // Takes the calling thread's own stack as this fiber.
  void adopt();
  // Gives this fiber a stack of its own; the first switch to it calls entry(), which never returns.
  void create(void (*entry)());
  // Forgets where the fiber stands: the next switch calls entry() again. Nothing on its stack is unwound.
  // What it has done is released at `mark`.
  void restart(void* mark);
  // Leaves `from`, the fiber that is running, for this one; returns when something switches back to `from`.
  void switch_from(Fiber& from);
  // The first statement of every entry().
  static void entered();

  int unwatched = 0;  // how many Unwatched live on its stack

 private:
  void prepare();

  void* tsan_ = nullptr;  // ThreadSanitizer's handle
  void* stack_pointer_ = nullptr;
  char* stack_ = nullptr;
  size_t stack_bytes_ = 0;
  void* fake_stack_ = nullptr;  // AddressSanitizer's
  void (*entry_)() = nullptr;
  bool own_ = false;
};

// What the sanitizers are told; nothing in a plain build.
void order_release(void* address);  // what this thread has done is visible to ...
void order_acquire(void* address);  // ... a thread that acquires the same address afterwards
void poison_memory(void* address, size_t bytes);
void unpoison_memory(void* address, size_t bytes);
// The first of these bytes that nothing may touch, or null.
const void* first_poisoned(const void* address, size_t bytes);

// ThreadSanitizer overlooks the memory accesses of a thread while one lives: the executor's own bookkeeping.
struct Unwatched {
  Unwatched();
  ~Unwatched();
};

// A thread that ThreadSanitizer sees, without a stack: what an asynchronous copy engine does is done in its name.
class Agent {
 public:
  Agent();
  ~Agent();
  // Reads `bytes` at `from` and writes them to `to` as the agent, after everything released at `order`.
  void copy(void* to, const void* from, size_t bytes, void* order);
  // As the agent: order_release(address).
  void release(void* address);

 private:
  void* tsan_ = nullptr;
};

constexpr bool kAddressSanitizer =
#ifdef SIMT_ASAN
    true;
#else
    false;
#endif
constexpr bool kThreadSanitizer =
#ifdef SIMT_TSAN
    true;
#else
    false;
#endif

}  // namespace simt
