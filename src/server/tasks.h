// The two places where the server's work runs. Everything of the server lives on one network
// thread, which is all the locking it needs; what waits runs on a few workers and posts back.
#pragma once

#include <functional>

namespace streamdiffusion::server {

class Tasks {
 public:
  virtual ~Tasks() = default;
  /// Runs on the network thread, in order; from any thread. Dropped once the server has ended.
  virtual void post(std::function<void()> task) = 0;
  /// Runs on a worker; may wait.
  virtual void work(std::function<void()> task) = 0;
};

}  // namespace streamdiffusion::server
