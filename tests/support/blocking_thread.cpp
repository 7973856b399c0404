#include "support/blocking_thread.h"

#include <gtest/gtest.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <fstream>
#include <string>

#include "support/wait.h"

namespace streamdiffusion::testing {
namespace {

/// A thread that only waits for a lock on its way is seen asleep once or twice.
constexpr int kTimesAsleep = 10;

}  // namespace

BlockingThread::BlockingThread(std::function<void()> job)
    : thread_([this, job = std::move(job)] {
        id_ = static_cast<pid_t>(::syscall(SYS_gettid));
        job();
        finished_ = true;
      }) {}

BlockingThread::~BlockingThread() {
  join();
}

void BlockingThread::join() {
  if (thread_.joinable()) thread_.join();
}

/// The state stands behind the name in parentheses, which may hold anything (proc(5)).
bool BlockingThread::asleep() const {
  if (id_ == 0) return false;
  std::ifstream file("/proc/self/task/" + std::to_string(id_) + "/stat");
  std::string line;
  std::getline(file, line);
  const std::size_t end = line.rfind(')');
  return end != std::string::npos && line.compare(end, 3, ") S") == 0;
}

bool BlockingThread::wait_until_blocked() const {
  int seen = 0;
  wait_until("the thread to block", [&] {
    seen = asleep() ? seen + 1 : 0;
    return finished_ || seen >= kTimesAsleep;
  });
  EXPECT_FALSE(finished_) << "the job returned instead of blocking";
  return !finished_ && seen >= kTimesAsleep;
}

}  // namespace streamdiffusion::testing
