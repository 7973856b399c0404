#include "stop_signals.h"

#include <pthread.h>
#include <unistd.h>

#include <csignal>
#include <ctime>
#include <utility>

namespace streamdiffusion::app {
namespace {

constexpr long kTickNanoseconds = 100'000'000;
/// Shells add the signal's number to this.
constexpr int kSignalled = 128;

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

void StopSignals::run() {
  const sigset_t set = signals();
  const timespec tick{0, kTickNanoseconds};
  while (!leaving_) {
    const int signal = ::sigtimedwait(&set, nullptr, &tick);
    if (signal > 0) {
      if (received_ != 0) ::_exit(kSignalled + signal);
      received_ = signal;
      *stop_ = true;
    }
    if (watching_ && ended_()) *stop_ = true;
  }
}

}  // namespace streamdiffusion::app
