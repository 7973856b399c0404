// A few threads take one file after another; the caller's thread shows how far they are.
#include "hub/parallel_downloads.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <thread>

#include "base/clock.h"

namespace streamdiffusion::hub {
namespace {

constexpr auto kShowEvery = std::chrono::milliseconds(100);

class Downloads {
 public:
  Downloads(const Settings& settings, std::vector<Download> downloads,
            const std::function<void(const Download&)>& completed, const Stopped& stopped)
      : settings_(settings),
        downloads_(std::move(downloads)),
        completed_(completed),
        stopped_(stopped) {
    std::ranges::stable_sort(downloads_, std::greater<>(),
                             [](const Download& d) { return d.file.size; });
    for (const Download& d : downloads_) shown_.total_bytes += d.file.size;
    shown_.total_files = downloads_.size();
  }

  void run(int parallel, const OnProgress& on_progress) {
    const std::size_t count = std::min(static_cast<std::size_t>(parallel), downloads_.size());
    running_ = count;
    std::vector<std::jthread> threads;
    for (std::size_t i = 0; i < count; ++i) threads.emplace_back([this] { work(); });
    std::unique_lock lock(mutex_);
    while (running_ > 0) {
      ended_.wait_for(lock, kShowEvery);
      if (stopped_ && stopped_()) stopping_ = true;
      show(lock, on_progress);
    }
    show(lock, on_progress);
    if (failure_) std::rethrow_exception(failure_);
    if (stopping_) throw Interrupted{};
  }

 private:
  void show(std::unique_lock<std::mutex>& lock, const OnProgress& on_progress) {
    PullProgress now = shown_;
    lock.unlock();
    now.bytes = static_cast<std::uint64_t>(std::max<std::int64_t>(bytes_, 0));
    now.received = received_;
    now.seconds = base::seconds_since(begin_);
    if (on_progress) on_progress(now);
    lock.lock();
  }

  void work() {
    try {
      HttpClient client(settings_);
      while (!stopping_) {
        const std::size_t next = next_++;
        if (next >= downloads_.size()) break;
        fetch(client, downloads_[next]);
      }
    } catch (const Interrupted&) {
    } catch (...) {
      const std::lock_guard lock(mutex_);
      if (!failure_) failure_ = std::current_exception();
      stopping_ = true;
    }
    const std::lock_guard lock(mutex_);
    --running_;
    ended_.notify_all();
  }

  void fetch(HttpClient& client, const Download& wanted) {
    download(
        client, settings_, wanted,
        [this](std::int64_t bytes, bool received) {
          bytes_ += bytes;
          if (received) received_ += static_cast<std::uint64_t>(bytes);
        },
        [this] { return stopping_.load(); });
    completed_(wanted);
    const std::lock_guard lock(mutex_);
    ++shown_.files;
    shown_.last_file = wanted.name;
  }

  const Settings& settings_;
  std::vector<Download> downloads_;
  const std::function<void(const Download&)>& completed_;
  const Stopped& stopped_;
  const base::Clock::time_point begin_ = base::Clock::now();
  std::atomic<std::size_t> next_{0};
  std::atomic<bool> stopping_{false};
  std::atomic<std::int64_t> bytes_{0};
  std::atomic<std::uint64_t> received_{0};
  std::mutex mutex_;
  std::condition_variable ended_;
  /// Under the mutex.
  PullProgress shown_;
  std::size_t running_ = 0;
  std::exception_ptr failure_;
};

}  // namespace

void download_all(const Settings& settings, std::vector<Download> downloads, int parallel,
                  const std::function<void(const Download&)>& completed,
                  const OnProgress& on_progress, const Stopped& stopped) {
  if (downloads.empty()) return;
  Downloads(settings, std::move(downloads), completed, stopped).run(parallel, on_progress);
}

}  // namespace streamdiffusion::hub
