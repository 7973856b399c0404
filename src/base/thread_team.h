// A fixed team of threads that run one job together, and a barrier for them.
//
// The engine owns its threads and the way they wait: they spin for 50 us and then sleep. It enters
// no OpenMP region, so neither the host's OMP_ environment nor a busy process beside it changes how
// an operation runs.
#pragma once

#include <atomic>
#include <cstdint>
#include <exception>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

#include "base/fair_mutex.h"

namespace streamdiffusion::base {

/// A reusable barrier for a fixed number of threads. A waiting thread spins for 50 us, then sleeps.
class Barrier {
 public:
  explicit Barrier(int size) : size_(size) {}
  /// Returns once all `size` threads have called it. What each of them wrote before its call is
  /// visible to all of them afterwards.
  void wait();

 private:
  const std::int32_t size_;
  /// Threads that have come in this generation. On a cache line of its own: every thread writes it.
  alignas(64) std::atomic<std::int32_t> arrived_{0};
  /// Counts how often the barrier has opened; waiting threads watch it change.
  alignas(64) std::atomic<std::uint32_t> generation_{0};
};

class ThreadTeam {
 public:
  /// Starts `size` threads (at least 1). Each first calls on_start(its index, 0..size - 1). Throws
  /// busy, with no thread left, if the system refuses one.
  explicit ThreadTeam(int size, std::function<void(int)> on_start = {});
  ~ThreadTeam();
  ThreadTeam(const ThreadTeam&) = delete;
  ThreadTeam& operator=(const ThreadTeam&) = delete;

  int size() const { return static_cast<int>(threads_.size()); }

  /// Runs job(index), 0..size() - 1, on every thread and returns when all are done. Calls from
  /// several threads run one after another, in the order they came. Allocates nothing. Rethrows the
  /// first exception that a job threw; a job that waits at a barrier must not throw.
  void run(const std::function<void(int)>& job);

 private:
  void end();
  void loop(int index, const std::function<void(int)>& on_start);

  FairMutex callers_;
  /// Written by run() before it advances epoch_, read by the threads after they see that.
  const std::function<void(int)>* job_ = nullptr;
  std::exception_ptr error_;
  std::mutex error_mutex_;
  /// Counts the jobs; sleeping threads watch it change.
  alignas(64) std::atomic<std::uint32_t> epoch_{0};
  /// Threads that have not finished the present job.
  alignas(64) std::atomic<std::int32_t> running_{0};
  std::atomic<bool> stopping_{false};
  std::vector<std::thread> threads_;
};

}  // namespace streamdiffusion::base
