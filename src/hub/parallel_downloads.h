// Several downloads at once, with figures for a progress bar.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "hub/download.h"

namespace streamdiffusion::hub {

struct PullProgress {
  /// Bytes that are there, of all that are wanted.
  std::uint64_t bytes = 0, total_bytes = 0;
  /// Of those, the ones that came over the network.
  std::uint64_t received = 0;
  std::size_t files = 0, total_files = 0;
  double seconds = 0;
  /// The file that was completed last; empty before the first.
  std::string last_file;
};
/// Called ten times a second and at the end, in the thread of the caller.
using OnProgress = std::function<void(const PullProgress&)>;

/// Downloads all, `parallel` files at a time, the largest first. `completed` is called for each, in
/// any thread. Throws the first error, after all transfers have ended, and Interrupted.
void download_all(const Settings& settings, std::vector<Download> downloads, int parallel,
                  const std::function<void(const Download&)>& completed,
                  const OnProgress& on_progress, const Stopped& stopped);

}  // namespace streamdiffusion::hub
