// A thread that is expected to block: the test learns when it does, without guessing a time.
#pragma once

#include <sys/types.h>

#include <atomic>
#include <functional>
#include <thread>

namespace streamdiffusion::testing {

class BlockingThread {
 public:
  explicit BlockingThread(std::function<void()> job);
  /// join()
  ~BlockingThread();
  BlockingThread(const BlockingThread&) = delete;
  BlockingThread& operator=(const BlockingThread&) = delete;

  /// Until the kernel has seen the thread asleep several times in a row. Fails the test when the
  /// job returns instead, or goes on running.
  bool wait_until_blocked() const;
  bool finished() const { return finished_; }
  void join();

 private:
  bool asleep() const;

  std::atomic<pid_t> id_{0};
  std::atomic<bool> finished_{false};
  std::thread thread_;
};

}  // namespace streamdiffusion::testing
