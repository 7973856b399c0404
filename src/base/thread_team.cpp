// Two handshakes: run() starts the threads through epoch_ and gets them back through running_;
// threads inside a job meet at a Barrier. Each atomic below says which write it publishes
// ("happens before") and why its memory order suffices.
#include "base/thread_team.h"

#include <algorithm>
#include <chrono>

#include "base/scheduling.h"
#include "base/thread.h"

namespace streamdiffusion::base {
namespace {

/// How long a thread spins before it sleeps: about as long as sleeping and waking take. Beside busy
/// processes a longer spin costs more than it saves: the thread uses up its share of the core by
/// waiting and is preempted just when the other threads have come.
constexpr auto kSpinTime = std::chrono::microseconds(50);

/// Returns once `value` is no longer `old`: polls it for kSpinTime, then sleeps in the kernel (a
/// futex). Acquire on every path: whatever the writer did before its release is visible afterwards.
template <typename T>
void wait_while_equal(const std::atomic<T>& value, T old) {
  const auto until = std::chrono::steady_clock::now() + kSpinTime;
  do {
    if (value.load(std::memory_order_acquire) != old) return;
  } while (std::chrono::steady_clock::now() < until);
  while (value.load(std::memory_order_acquire) == old) value.wait(old, std::memory_order_acquire);
}

}  // namespace

ThreadTeam::ThreadTeam(int size, std::function<void(int)> on_start) {
  size = std::max(size, 1);
  threads_.reserve(static_cast<std::size_t>(size));
  try {
    for (int i = 0; i < size; ++i) {
      threads_.push_back(start_thread([this, i, on_start] { loop(i, on_start); }));
    }
  } catch (...) {
    end();
    throw;
  }
}

ThreadTeam::~ThreadTeam() {
  end();
}

void ThreadTeam::end() {
  // Like a job: what is written before the release of epoch_ is visible to every thread that
  // acquires the new value, stopping_ included.
  stopping_.store(true, std::memory_order_release);
  epoch_.fetch_add(1, std::memory_order_release);
  epoch_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

void ThreadTeam::run(const std::function<void(int)>& job) {
  const FairLock lock(callers_);
  // No thread reads these three now: all of them wait for epoch_ to change.
  job_ = &job;
  error_ = nullptr;
  running_.store(size(), std::memory_order_relaxed);  // published by the release below
  // Release: a thread that acquires the new epoch sees job_, error_ and running_.
  epoch_.fetch_add(1, std::memory_order_release);
  epoch_.notify_all();
  // Sleeps at once instead of spinning: the caller takes no part in the job, and a job takes far
  // longer than waking up.
  // Acquire: reading 0 synchronizes with every thread's decrement, since the decrements are
  // read-modify-writes and so form one release sequence. All that the job wrote is visible here.
  for (std::int32_t left = running_.load(std::memory_order_acquire); left != 0;
       left = running_.load(std::memory_order_acquire)) {
    running_.wait(left, std::memory_order_acquire);
  }
  if (error_) std::rethrow_exception(error_);
}

void Barrier::wait() {
  if (size_ == 1) return;
  // Read before arriving. Otherwise the last thread could open the barrier between the two lines,
  // and this thread would wait for the next opening. The acquire keeps the arrival behind the load.
  const std::uint32_t generation = generation_.load(std::memory_order_acquire);
  // Release: publishes what this thread wrote before the barrier. Acquire: the last thread to
  // arrive sees what all the others wrote, for the increments form one release sequence.
  if (arrived_.fetch_add(1, std::memory_order_acq_rel) + 1 == size_) {
    // Relaxed: no thread arrives again before it has acquired the new generation, whose release
    // follows this store.
    arrived_.store(0, std::memory_order_relaxed);
    // Release: passes on everything that the arrivals made visible to this thread. The waiting
    // threads acquire it in wait_while_equal.
    generation_.fetch_add(1, std::memory_order_release);
    generation_.notify_all();
    return;
  }
  wait_while_equal(generation_, generation);
}

void ThreadTeam::loop(int index, const std::function<void(int)>& on_start) {
  set_short_timeslice();
  if (on_start) on_start(index);
  std::uint32_t seen = 0;
  while (true) {
    // Acquire (inside): job_ and running_ are those of this epoch. run() waits for every thread, so
    // the epoch is never more than one ahead of `seen`.
    wait_while_equal(epoch_, seen);
    ++seen;
    if (stopping_.load(std::memory_order_acquire)) return;
    try {
      (*job_)(index);
    } catch (...) {
      const std::lock_guard lock(error_mutex_);
      if (!error_) error_ = std::current_exception();
    }
    // Release: publishes what the job wrote, and error_. run() acquires it. The acquire half orders
    // nothing that is needed here.
    if (running_.fetch_sub(1, std::memory_order_acq_rel) == 1) running_.notify_all();
  }
}

}  // namespace streamdiffusion::base
