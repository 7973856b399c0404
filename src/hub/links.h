// Links in the cache that end outside of it.
#pragma once

#include <filesystem>
#include <vector>

namespace streamdiffusion::hub {

/// Nothing is read through such links: a cache that came from elsewhere could show any file of this
/// machine in a message or as a model. Folders that a user names by their path are not in question.
class LinksOut {
 public:
  /// Contents may lie in `cache` and in `repository`, which may itself be a link to another disk.
  LinksOut(const std::filesystem::path& cache, const std::filesystem::path& repository);

  /// `path` itself where it lies outside, else the links below it that do. A link to nowhere is
  /// none of them: it is a file that is missing.
  std::vector<std::filesystem::path> find(const std::filesystem::path& path) const;
  /// Throws io, naming the first.
  void refuse(const std::filesystem::path& path) const;

 private:
  bool is_inside(const std::filesystem::path& path) const;

  std::filesystem::path cache_, real_cache_, real_repository_;
};

}  // namespace streamdiffusion::hub
