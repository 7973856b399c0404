#include "stop_signals.h"

#include <pthread.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <ctime>
#include <utility>

#include "base/clock.h"

namespace streamdiffusion::app {
namespace {

constexpr auto kOpeningGrace = std::chrono::seconds(2);
constexpr long kTickNanoseconds = 100'000'000;

/// Without SIGHUP where it is ignored: nohup asks for that.
sigset_t signals() {
  sigset_t set;
  sigemptyset(&set);
  for (const int signal : {SIGINT, SIGTERM}) sigaddset(&set, signal);
  struct sigaction hang_up {};
  ::sigaction(SIGHUP, nullptr, &hang_up);
  if (hang_up.sa_handler != SIG_IGN) sigaddset(&set, SIGHUP);
  return set;
}

}  // namespace

StopSignals::StopSignals(media::StopFlag stop) : stop_(std::move(stop)) {
  const sigset_t set = signals();
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  std::signal(SIGPIPE, SIG_IGN);
  thread_ = std::thread([this] { run(); });
}

void StopSignals::leave() {
  leaving_ = true;
  if (thread_.joinable()) thread_.join();
}

void StopSignals::watch(std::function<bool()> ended) {
  ended_ = std::move(ended);
  watching_ = true;
}

void StopSignals::give_up(int signal) {
  const std::lock_guard lock(mutex_);
  if (clean_up_) clean_up_();
  ::_exit(kSignalled + signal);
}

void StopSignals::run() {
  const sigset_t set = signals();
  const timespec tick{0, kTickNanoseconds};
  base::Clock::time_point came;
  while (!leaving_) {
    const int signal = ::sigtimedwait(&set, nullptr, &tick);
    if (signal > 0) {
      if (received_ != 0) give_up(signal);
      received_ = signal;
      *stop_ = true;
      came = base::Clock::now();
      if (!opened_) opening_.request_stop();
    }
    const bool late = received_ != 0 && base::Clock::now() - came > kOpeningGrace;
    if (late && !opened_) give_up(received_);
    if (watching_ && ended_()) *stop_ = true;
  }
}

}  // namespace streamdiffusion::app
