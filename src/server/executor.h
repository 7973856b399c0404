// Where the server's work runs. All of the server's state lives on one network thread, so it needs
// no locks. Work that blocks runs on worker threads, which post their result back.
#pragma once

#include <functional>

namespace streamdiffusion::server {

class Executor {
 public:
  virtual ~Executor() = default;
  /// Runs a task on the network thread, in order. May be called from any thread. Tasks posted
  /// after the server has stopped are dropped.
  virtual void post(std::function<void()> task) = 0;
  /// Runs a task on a worker thread, where it may block.
  virtual void run_on_worker(std::function<void()> task) = 0;
};

}  // namespace streamdiffusion::server
