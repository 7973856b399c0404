// Where the server's work runs. All of the server's state lives on one network thread, so it needs
// no locks. Work that blocks or takes long runs on worker threads, which post their result back.
#pragma once

#include <functional>
#include <mutex>
#include <utility>

namespace streamdiffusion::server {

/// Each kind of work has threads of its own, so that none waits for another.
enum class WorkKind {
  /// May wait for the stream's threads.
  end_stream,
  /// May take seconds.
  open_stream,
  /// Parsing a body, and encoding an image for a response.
  body,
};

class Executor {
 public:
  virtual ~Executor() = default;
  /// Runs a task on the network thread, in order. May be called from any thread. Tasks posted
  /// after the server has stopped are dropped.
  virtual void post(std::function<void()> task) = 0;
  /// Runs a task on a worker thread.
  virtual void run_on_worker(WorkKind kind, std::function<void()> task) = 0;
  /// Runs a task that opens a stream.
  void run_opening(std::function<void()> task) {
    run_on_worker(WorkKind::open_stream, std::move(task));
  }
  /// Runs a task that ends a stream.
  void run_on_worker(std::function<void()> task) {
    run_on_worker(WorkKind::end_stream, std::move(task));
  }
};

/// The way to the network thread for threads that may outlive the server. Tasks that come once it
/// is closed are dropped. Thread-safe.
class TaskGate {
 public:
  explicit TaskGate(Executor& executor) : executor_(&executor) {}
  void post(std::function<void()> task) {
    const std::lock_guard lock(mutex_);
    if (executor_ != nullptr) executor_->post(std::move(task));
  }
  void close() {
    const std::lock_guard lock(mutex_);
    executor_ = nullptr;
  }

 private:
  std::mutex mutex_;
  Executor* executor_;
};

}  // namespace streamdiffusion::server
