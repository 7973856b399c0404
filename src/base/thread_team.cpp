#include "base/thread_team.h"

#include <algorithm>
#include <chrono>

#include "base/scheduling.h"

namespace streamdiffusion::base {
namespace {

/// How long a thread spins before it sleeps: about what sleeping and waking cost. One that spins
/// longer beside busy processes uses up its share of the core by waiting, and is put aside just
/// when the others have come.
constexpr auto kSpin = std::chrono::microseconds(50);

template <typename T>
void wait_while_equal(const std::atomic<T>& value, T old) {
  const auto until = std::chrono::steady_clock::now() + kSpin;
  do {
    if (value.load(std::memory_order_acquire) != old) return;
  } while (std::chrono::steady_clock::now() < until);
  while (value.load(std::memory_order_acquire) == old) value.wait(old, std::memory_order_acquire);
}

}  // namespace

ThreadTeam::ThreadTeam(int size, std::function<void(int)> on_start) {
  size = std::max(size, 1);
  threads_.reserve(static_cast<std::size_t>(size));
  for (int i = 0; i < size; ++i) threads_.emplace_back([this, i, on_start] { loop(i, on_start); });
}

ThreadTeam::~ThreadTeam() {
  stopping_.store(true, std::memory_order_release);
  epoch_.fetch_add(1, std::memory_order_release);
  epoch_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

void ThreadTeam::run(const std::function<void(int)>& job) {
  const FairLock lock(callers_);
  job_ = &job;
  error_ = nullptr;
  running_.store(size(), std::memory_order_relaxed);
  epoch_.fetch_add(1, std::memory_order_release);
  epoch_.notify_all();
  for (std::int32_t left = running_.load(std::memory_order_acquire); left != 0;
       left = running_.load(std::memory_order_acquire)) {
    running_.wait(left, std::memory_order_acquire);
  }
  if (error_) std::rethrow_exception(error_);
}

void Barrier::wait() {
  if (size_ == 1) return;
  const std::uint32_t generation = generation_.load(std::memory_order_acquire);
  if (arrived_.fetch_add(1, std::memory_order_acq_rel) + 1 == size_) {
    arrived_.store(0, std::memory_order_relaxed);
    generation_.fetch_add(1, std::memory_order_release);
    generation_.notify_all();
    return;
  }
  wait_while_equal(generation_, generation);
}

void ThreadTeam::loop(int index, const std::function<void(int)>& on_start) {
  prefer_short_slices();
  if (on_start) on_start(index);
  std::uint32_t seen = 0;
  while (true) {
    wait_while_equal(epoch_, seen);
    ++seen;
    if (stopping_.load(std::memory_order_acquire)) return;
    try {
      (*job_)(index);
    } catch (...) {
      const std::lock_guard lock(error_mutex_);
      if (!error_) error_ = std::current_exception();
    }
    if (running_.fetch_sub(1, std::memory_order_acq_rel) == 1) running_.notify_all();
  }
}

}  // namespace streamdiffusion::base
