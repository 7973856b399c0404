// What is in the cache, and how it is taken away again.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "hub/settings.h"

namespace streamdiffusion::hub {

/// One revision of a repository, or one file of Civitai.
struct InstalledModel {
  /// As --model takes it: "stabilityai/sd-turbo", "stabilityai/sd-turbo@COMMIT" for one without a
  /// branch or tag, "civitai:128713".
  std::string name;
  /// The snapshot's folder, or the file.
  std::filesystem::path path;
  /// Of its files; files that revisions share count for each.
  std::uint64_t bytes = 0;
  /// Why nothing of it may be read: a link out of the cache. Empty if all is well.
  std::string problem = {};
};

struct Installed {
  /// Sorted by name.
  std::vector<InstalledModel> models;
  /// On the disk, each blob once, with unfinished downloads: in the hub's cache, and of Civitai in
  /// the user's own.
  std::uint64_t bytes = 0, civitai_bytes = 0;
  /// What could not be read, in words.
  std::vector<std::string> problems;
};
Installed list_installed(const Settings& settings);

/// Removes what a name stands for: with a revision, that revision and what only it uses, else all
/// of the repository. Returns the bytes that are free now. Throws not_found, io, and busy while
/// somebody downloads it.
std::uint64_t remove_installed(const Settings& settings, const std::string& name);

}  // namespace streamdiffusion::hub
