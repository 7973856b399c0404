// What a person sees while models are downloaded: a line that is redrawn on a terminal, a line
// every ten seconds elsewhere.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <utility>

#include "hub/parallel_downloads.h"

namespace streamdiffusion::app {

class DownloadProgress {
 public:
  /// A quiet one prints nothing.
  DownloadProgress(std::string name, bool quiet);
  /// Ends the line.
  ~DownloadProgress();
  DownloadProgress(const DownloadProgress&) = delete;
  DownloadProgress& operator=(const DownloadProgress&) = delete;

  void show(const hub::PullProgress& now);

 private:
  /// Received bytes a second, of the last five seconds.
  double rate(const hub::PullProgress& now);
  void print(const hub::PullProgress& now);

  std::string name_;
  bool quiet_, terminal_;
  bool drawn_ = false;
  double next_line_ = 10;
  /// Seconds and received bytes.
  std::deque<std::pair<double, std::uint64_t>> samples_;
};

}  // namespace streamdiffusion::app
