// Ctrl-C, and what else asks the program to end, as an ordinary event.
#pragma once

#include <atomic>
#include <functional>
#include <mutex>
#include <stop_token>
#include <thread>
#include <utility>

#include "media/timing.h"

namespace streamdiffusion::app {

/// Shells add the number of a signal that ended a program to this.
inline constexpr int kSignalled = 128;

/// Thrown by a command that was asked to end and did so in good order.
struct Stopped {
  int signal;
};

/// While it lives, the first SIGINT, SIGTERM or SIGHUP raises `stop`; a second one ends the process
/// at once. Writing to a pipe without a reader is an error instead of a signal. Make it before any
/// other thread.
class StopSignals {
 public:
  explicit StopSignals(media::StopFlag stop);
  ~StopSignals() { leave(); }
  StopSignals(const StopSignals&) = delete;
  StopSignals& operator=(const StopSignals&) = delete;

  /// Requested by a signal that comes before opened().
  std::stop_token opening() const { return opening_.get_token(); }
  /// What is stopped takes long to open. Until this call a signal that is not obeyed within two
  /// seconds ends the process: there is nothing to finish yet.
  void opened() { opened_ = true; }
  /// Called before a signal ends the process at once, on another thread.
  void on_give_up(std::function<void()> clean_up) {
    const std::lock_guard lock(mutex_);
    clean_up_ = std::move(clean_up);
  }
  /// 0, or the signal that came.
  int received() const { return received_; }
  /// Asked ten times a second; once it is true, `stop` is raised too. Set it once.
  void watch(std::function<bool()> ended);
  /// Asks and listens no more; for before what `ended` looks at goes away.
  void leave();

 private:
  void run();
  [[noreturn]] void give_up(int signal);

  media::StopFlag stop_;
  std::atomic<int> received_{0};
  std::atomic<bool> leaving_{false}, watching_{false}, opened_{false};
  std::stop_source opening_;
  std::function<bool()> ended_;
  std::mutex mutex_;
  std::function<void()> clean_up_;
  std::thread thread_;
};

}  // namespace streamdiffusion::app
