#include "backend/cpu/make_kernels.h"

#include <algorithm>
#include <atomic>
#include <exception>
#include <mutex>
#include <thread>
#include <vector>

#include "backend/cpu/onednn/one_openmp_thread.h"
#include "base/scheduling.h"
#include "base/thread.h"

namespace streamdiffusion::backend::cpu {
namespace {

class Making {
 public:
  Making(std::size_t count, const std::function<void(std::size_t, Staging&)>& make)
      : count_(count), make_(make) {}

  void work() {
    const OneOpenMpThread single;
    Staging staging;
    for (std::size_t i = next_++; i < count_; i = next_++) {
      try {
        make_(i, staging);
      } catch (...) {
        fail(i);
      }
    }
  }
  void rethrow() const {
    if (error_) std::rethrow_exception(error_);
  }

 private:
  /// Those before `i` have been started, and are finished before rethrow().
  void fail(std::size_t i) {
    next_ = count_;
    const std::lock_guard lock(mutex_);
    if (error_ && failed_ < i) return;
    failed_ = i;
    error_ = std::current_exception();
  }

  const std::size_t count_;
  const std::function<void(std::size_t, Staging&)>& make_;
  std::atomic<std::size_t> next_ = 0;
  std::mutex mutex_;
  std::size_t failed_ = 0;
  std::exception_ptr error_;
};

}  // namespace

void make_kernels(std::size_t count, int threads,
                  const std::function<void(std::size_t, Staging&)>& make) {
  Making making(count, make);
  const std::size_t most = std::min(static_cast<std::size_t>(threads), count);
  std::vector<std::thread> helpers;
  helpers.reserve(most);
  try {
    for (std::size_t t = 1; t < most; ++t) {
      helpers.push_back(base::start_thread([&making] {
        base::lower_priority();
        making.work();
      }));
    }
  } catch (const std::exception&) {  // those that there are do it
  }
  making.work();
  for (std::thread& helper : helpers) helper.join();
  making.rethrow();
}

}  // namespace streamdiffusion::backend::cpu
