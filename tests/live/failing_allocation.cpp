#include "live/failing_allocation.h"

#include <pthread.h>

#include <atomic>
#include <cstdlib>
#include <new>

namespace {

/// 0 for none.
std::atomic<std::size_t> failing_bytes{0};
std::atomic<pthread_t> own_thread{};

}  // namespace

void* operator new(std::size_t size) {
  std::size_t wanted = size;
  if (size > 0 && failing_bytes.load() == size && pthread_self() != own_thread.load() &&
      failing_bytes.compare_exchange_strong(wanted, 0)) {
    throw std::bad_alloc();
  }
  void* memory = std::malloc(size > 0 ? size : 1);
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}

void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
  return std::malloc(size > 0 ? size : 1);
}

void operator delete(void* memory, const std::nothrow_t&) noexcept {
  std::free(memory);
}

void operator delete(void* memory) noexcept {
  std::free(memory);
}

void operator delete(void* memory, std::size_t) noexcept {
  std::free(memory);
}

namespace streamdiffusion::testing {

FailingAllocation::FailingAllocation(std::size_t bytes) {
  own_thread = pthread_self();
  failing_bytes = bytes;
}

FailingAllocation::~FailingAllocation() {
  failing_bytes = 0;
}

bool FailingAllocation::failed() const {
  return failing_bytes == 0;
}

}  // namespace streamdiffusion::testing
