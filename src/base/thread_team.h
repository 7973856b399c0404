// A fixed team of threads that run one job together, each with its index, and a barrier to meet at.
//
// The engine owns its threads and how they wait: a short spin, then sleep. No OpenMP region is ever
// entered, so neither the host's environment nor a busy neighbor process changes how an operation
// behaves.
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

/// A meeting point of a fixed number of threads; waits as the team does.
class Barrier {
 public:
  explicit Barrier(int size) : size_(size) {}
  /// Returns once every one of the `size` threads has called it.
  void wait();

 private:
  const std::int32_t size_;
  alignas(64) std::atomic<std::int32_t> arrived_{0};
  alignas(64) std::atomic<std::uint32_t> generation_{0};
};

class ThreadTeam {
 public:
  /// Starts `size` threads (at least 1). `on_start(index)` runs first on each of them.
  explicit ThreadTeam(int size, std::function<void(int)> on_start = {});
  ~ThreadTeam();
  ThreadTeam(const ThreadTeam&) = delete;
  ThreadTeam& operator=(const ThreadTeam&) = delete;

  int size() const { return static_cast<int>(threads_.size()); }

  /// Runs job(index) on every thread and returns when all are done. Calls from several threads take
  /// turns, in the order they came. Allocates nothing. The first exception thrown by a job that
  /// uses no barrier is rethrown here.
  void run(const std::function<void(int)>& job);

 private:
  void loop(int index, const std::function<void(int)>& on_start);

  FairMutex callers_;
  const std::function<void(int)>* job_ = nullptr;
  std::exception_ptr error_;
  std::mutex error_mutex_;
  alignas(64) std::atomic<std::uint32_t> epoch_{0};
  alignas(64) std::atomic<std::int32_t> running_{0};
  std::atomic<bool> stopping_{false};
  std::vector<std::thread> threads_;
};

}  // namespace streamdiffusion::base
