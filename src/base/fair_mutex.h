// A mutex that serves its callers in the order in which they came. std::mutex makes no such
// promise: a thread that locks it in a loop can starve the others.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <mutex>

namespace streamdiffusion::base {

class FairMutex {
 private:
  friend class FairLock;
  std::mutex mutex_;
  std::condition_variable released_;
  /// Tickets: the next one to give out, and the one whose holder has the lock.
  std::uint64_t next_ = 0, serving_ = 0;
};

/// Holds a FairMutex from construction to destruction.
class FairLock {
 public:
  explicit FairLock(FairMutex& fair) : fair_(fair) {
    std::unique_lock lock(fair_.mutex_);
    const std::uint64_t ticket = fair_.next_++;
    fair_.released_.wait(lock, [&] { return fair_.serving_ == ticket; });
  }
  ~FairLock() {
    const std::lock_guard lock(fair_.mutex_);
    ++fair_.serving_;
    fair_.released_.notify_all();
  }
  FairLock(const FairLock&) = delete;
  FairLock& operator=(const FairLock&) = delete;

 private:
  FairMutex& fair_;
};

}  // namespace streamdiffusion::base
