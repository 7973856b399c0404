// What a program reads that stands behind `cat FILE |`.
#pragma once

#include <string>
#include <thread>

namespace streamdiffusion::testing {

/// Gives bytes through a descriptor that cannot go back, as fast as they are read.
class FedPipe {
 public:
  explicit FedPipe(std::string bytes);
  /// The reader need not have read everything.
  ~FedPipe();
  FedPipe(const FedPipe&) = delete;
  FedPipe& operator=(const FedPipe&) = delete;
  /// To read from. Stays open as long as this object lives.
  int end() const { return end_; }

 private:
  int end_ = -1;
  std::thread writer_;
};

}  // namespace streamdiffusion::testing
