// From a name to files: what is not in the cache yet is downloaded there.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "hub/cache.h"
#include "hub/file_choice.h"
#include "hub/parallel_downloads.h"

namespace streamdiffusion::hub {

struct PullOptions {
  Precision precision = Precision::half;
  /// Files at a time, 1..16.
  int parallel = 4;
  /// Called with the snapshot's folder once all but the weights is there, unless one file is
  /// wanted. May throw, before the long download of what cannot be used.
  std::function<void(const std::filesystem::path&)> check = {};
};

struct Pulled {
  /// The snapshot's folder, or the one file that was named.
  std::filesystem::path path;
  /// Of the repository; empty for a file of Civitai.
  std::string commit;
  /// The license's short name, and the page that has its text.
  std::string license, page;
  /// Files and bytes that are needed, and what of them came over the network now.
  std::size_t files = 0;
  std::uint64_t bytes = 0, received = 0;
};

/// Asks the hub what the revision is now and downloads what is needed and missing. Offline, it only
/// finds. Throws Interrupted; not_found, io, busy or corrupt_file as its parts do, and io before
/// anything is downloaded where the disk has not enough space.
Pulled pull(const Settings& settings, const RepositoryName& name, const PullOptions& options,
            const OnProgress& on_progress, const Stopped& stopped);

/// The same for a version of a model on Civitai, kept in the user's own cache.
Pulled pull_civitai(const Settings& settings, const std::string& version,
                    const PullOptions& options, const OnProgress& on_progress,
                    const Stopped& stopped);
/// Where those versions are kept.
std::filesystem::path civitai_folder(const Settings& settings);
/// Its file, if it is there. Throws io where that is a link out of the cache.
std::optional<std::filesystem::path> find_civitai(const Settings& settings,
                                                  const std::string& version);

/// Throws corrupt_file for weights of fewer bytes than any safetensors file has.
void require_weights(const std::string& name, const RemoteFile& file);

/// Throws io unless the disk of `folder` has that many bytes to spare.
void require_space(const std::filesystem::path& folder, std::uint64_t bytes);

}  // namespace streamdiffusion::hub
