// Memory that runs out at a chosen moment, by an operator new of the test program.
#pragma once

#include <cstddef>

namespace streamdiffusion::testing {

/// While it lives, one allocation of that many bytes on another thread throws std::bad_alloc: the
/// first.
class FailingAllocation {
 public:
  explicit FailingAllocation(std::size_t bytes);
  ~FailingAllocation();
  FailingAllocation(const FailingAllocation&) = delete;
  FailingAllocation& operator=(const FailingAllocation&) = delete;
  bool failed() const;
};

}  // namespace streamdiffusion::testing
