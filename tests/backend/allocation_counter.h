// Counts what our own code allocates, on every thread of the process, while a counter exists.
//
// Every call of malloc and its relatives counts (operator new calls malloc), unless a vendor
// library stands in the call stack: oneDNN and the OpenMP runtime under it allocate as they please,
// and the engine's promise is about the engine. Under a sanitizer, which owns malloc, its
// allocation hook is used instead.
#pragma once

namespace streamdiffusion::backend::test {

class AllocationCounter {
 public:
  AllocationCounter();
  ~AllocationCounter();
  AllocationCounter(const AllocationCounter&) = delete;
  AllocationCounter& operator=(const AllocationCounter&) = delete;

  int count() const;
};

}  // namespace streamdiffusion::backend::test
