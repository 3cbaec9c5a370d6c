// Built without instrumentation in every build: a function that leaves one stack and wakes on another must not
// appear in the sanitizers' shadow call stacks.
#include "simt/fiber.h"

#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <new>

#if !defined(__x86_64__) && !defined(SIMT_UCONTEXT)
#define SIMT_UCONTEXT
#endif
#ifdef SIMT_UCONTEXT
#include <ucontext.h>
#endif

#ifdef SIMT_ASAN
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif
#ifdef SIMT_TSAN
#include <sanitizer/tsan_interface.h>
extern "C" {
void AnnotateIgnoreReadsBegin(const char* file, int line);
void AnnotateIgnoreReadsEnd(const char* file, int line);
void AnnotateIgnoreWritesBegin(const char* file, int line);
void AnnotateIgnoreWritesEnd(const char* file, int line);
void __tsan_read_range(void* address, unsigned long bytes);
void __tsan_write_range(void* address, unsigned long bytes);
}
#endif

namespace simt {
namespace {

constexpr size_t kStackBytes = 256 << 10;

Fiber* running = nullptr;

#ifdef SIMT_ASAN
// The fiber that is being left, so that the one entered can note the bounds of the host's stack.
const void** leaving_stack = nullptr;
size_t* leaving_bytes = nullptr;
#endif

#ifndef SIMT_UCONTEXT
// Saves the callee-saved registers on the stack that is left. pop + jmp: a ret would mispredict every time.
__attribute__((naked, noinline)) void switch_stacks(void** /*save*/, void* /*to*/) {
  asm volatile(
      "pushq %rbp\n pushq %rbx\n pushq %r12\n pushq %r13\n pushq %r14\n pushq %r15\n"
      "movq %rsp,(%rdi)\n movq %rsi,%rsp\n"
      "popq %r15\n popq %r14\n popq %r13\n popq %r12\n popq %rbx\n popq %rbp\n popq %rdx\n jmp *%rdx\n");
}
#endif

}  // namespace

Fiber::~Fiber() {
#ifdef SIMT_UCONTEXT
  delete static_cast<ucontext_t*>(stack_pointer_);
#endif
  if (!own_) return;
#ifdef SIMT_TSAN
  if (tsan_) __tsan_destroy_fiber(tsan_);
#endif
  const size_t guard = size_t(sysconf(_SC_PAGESIZE));
  munmap(stack_ - guard, stack_bytes_ + guard);
}

void Fiber::adopt() {
  running = this;
#ifdef SIMT_TSAN
  tsan_ = __tsan_get_current_fiber();
#endif
#ifdef SIMT_UCONTEXT
  stack_pointer_ = new ucontext_t;
#endif
}

void Fiber::create(void (*entry)()) {
  const size_t guard = size_t(sysconf(_SC_PAGESIZE));
  void* memory = mmap(nullptr, kStackBytes + guard, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED) throw std::bad_alloc();
  mprotect(memory, guard, PROT_NONE);
  stack_ = static_cast<char*>(memory) + guard;
  stack_bytes_ = kStackBytes;
  entry_ = entry;
  own_ = true;
#ifdef SIMT_TSAN
  tsan_ = __tsan_create_fiber(0);
#endif
  prepare();
}

void Fiber::restart(void* mark) {
#ifdef SIMT_TSAN
  void* caller = __tsan_get_current_fiber();
  __tsan_switch_to_fiber(tsan_, 1);
  __tsan_release(mark);
  // Left behind while an Unwatched lived; ThreadSanitizer wants every one ended.
  for (; unwatched; --unwatched) {
    AnnotateIgnoreWritesEnd(__FILE__, __LINE__);
    AnnotateIgnoreReadsEnd(__FILE__, __LINE__);
  }
  __tsan_switch_to_fiber(caller, 1);
  __tsan_destroy_fiber(tsan_);
  tsan_ = __tsan_create_fiber(0);
#else
  (void)mark;
#endif
  unpoison_memory(stack_, stack_bytes_);
  fake_stack_ = nullptr;
  prepare();
}

void Fiber::prepare() {
#ifdef SIMT_UCONTEXT
  auto* context = static_cast<ucontext_t*>(stack_pointer_);
  if (!context) stack_pointer_ = context = new ucontext_t;
  getcontext(context);
  context->uc_stack.ss_sp = stack_;
  context->uc_stack.ss_size = stack_bytes_;
  context->uc_link = nullptr;
  makecontext(context, entry_, 0);
#else
  // As a call would leave it: the stack pointer 8 below a multiple of 16 when entry begins.
  auto** top = reinterpret_cast<void**>(stack_ + stack_bytes_);
  top[-1] = nullptr;
  top[-2] = reinterpret_cast<void*>(entry_);
  for (int i = 3; i <= 8; ++i) top[-i] = nullptr;
  stack_pointer_ = top - 8;
#endif
}

void Fiber::switch_from(Fiber& from) {
  running = this;
#ifdef SIMT_ASAN
  leaving_stack = const_cast<const void**>(reinterpret_cast<void**>(&from.stack_));
  leaving_bytes = &from.stack_bytes_;
  __sanitizer_start_switch_fiber(&from.fake_stack_, stack_, stack_bytes_);
#endif
#ifdef SIMT_TSAN
  __tsan_switch_to_fiber(tsan_, 1);  // 1: the switch orders nothing
#endif
#ifdef SIMT_UCONTEXT
  swapcontext(static_cast<ucontext_t*>(from.stack_pointer_), static_cast<ucontext_t*>(stack_pointer_));
#else
  switch_stacks(&from.stack_pointer_, stack_pointer_);
#endif
#ifdef SIMT_ASAN
  __sanitizer_finish_switch_fiber(from.fake_stack_, leaving_stack, leaving_bytes);
#endif
}

void Fiber::entered() {
#ifdef SIMT_ASAN
  __sanitizer_finish_switch_fiber(nullptr, leaving_stack, leaving_bytes);
#endif
}

#ifdef SIMT_TSAN
void order_release(void* address) { __tsan_release(address); }
void order_acquire(void* address) { __tsan_acquire(address); }
Unwatched::Unwatched() {
  if (running) ++running->unwatched;
  AnnotateIgnoreReadsBegin(__FILE__, __LINE__);
  AnnotateIgnoreWritesBegin(__FILE__, __LINE__);
}
Unwatched::~Unwatched() {
  if (running) --running->unwatched;
  AnnotateIgnoreWritesEnd(__FILE__, __LINE__);
  AnnotateIgnoreReadsEnd(__FILE__, __LINE__);
}
#else
void order_release(void*) {}
void order_acquire(void*) {}
Unwatched::Unwatched() {}
Unwatched::~Unwatched() {}
#endif

#ifdef SIMT_ASAN
void poison_memory(void* address, size_t bytes) { __asan_poison_memory_region(address, bytes); }
void unpoison_memory(void* address, size_t bytes) { __asan_unpoison_memory_region(address, bytes); }
const void* first_poisoned(const void* address, size_t bytes) {
  return __asan_region_is_poisoned(const_cast<void*>(address), bytes);
}
#else
void poison_memory(void*, size_t) {}
void unpoison_memory(void*, size_t) {}
const void* first_poisoned(const void*, size_t) { return nullptr; }
#endif

#ifdef SIMT_TSAN
Agent::Agent() : tsan_(__tsan_create_fiber(0)) {}
Agent::~Agent() { __tsan_destroy_fiber(tsan_); }
#else
Agent::Agent() = default;
Agent::~Agent() = default;
#endif

void Agent::copy(void* to, const void* from, size_t bytes, void* order) {
#ifdef SIMT_TSAN
  void* caller = __tsan_get_current_fiber();
  __tsan_switch_to_fiber(tsan_, 1);
  __tsan_acquire(order);
  __tsan_read_range(const_cast<void*>(from), bytes);
  __tsan_write_range(to, bytes);
  __tsan_switch_to_fiber(caller, 1);
#else
  (void)order;
#endif
  const Unwatched unwatched;
  auto* target = static_cast<volatile unsigned char*>(to);
  auto* source = static_cast<const unsigned char*>(from);
  for (size_t i = 0; i < bytes; ++i) target[i] = source[i];
}

void Agent::release(void* address) {
#ifdef SIMT_TSAN
  void* caller = __tsan_get_current_fiber();
  __tsan_switch_to_fiber(tsan_, 1);
  __tsan_release(address);
  __tsan_switch_to_fiber(caller, 1);
#else
  (void)address;
#endif
}

}  // namespace simt
