// Fair turn-taking: whoever came first goes first. A mutex makes no such promise, and one that
// works in a loop would keep it from the others.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <mutex>

namespace streamdiffusion::base {

class Turns {
 private:
  friend class Turn;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::uint64_t next_ = 0, serving_ = 0;
};

/// Waits for its turn when made, gives it on when destroyed.
class Turn {
 public:
  explicit Turn(Turns& turns) : turns_(turns) {
    std::unique_lock lock(turns_.mutex_);
    const std::uint64_t mine = turns_.next_++;
    turns_.changed_.wait(lock, [&] { return turns_.serving_ == mine; });
  }
  ~Turn() {
    const std::lock_guard lock(turns_.mutex_);
    ++turns_.serving_;
    turns_.changed_.notify_all();
  }
  Turn(const Turn&) = delete;
  Turn& operator=(const Turn&) = delete;

 private:
  Turns& turns_;
};

}  // namespace streamdiffusion::base
