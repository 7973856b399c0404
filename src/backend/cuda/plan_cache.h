// Plans kept on disk: those that a library compiled, as attention takes cuDNN up to a second for
// each shape, and those that were the fastest of several. The cache can be deleted at any time. A
// file that is damaged, foreign or refused by the library is removed with a warning.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

namespace streamdiffusion::backend::cuda {

class PlanCache {
 public:
  /// An empty folder keeps nothing.
  explicit PlanCache(std::filesystem::path folder) : folder_(std::move(folder)) {}

  /// Whether there is a folder.
  bool keeps() const { return !folder_.empty(); }
  /// What was kept under this key. The key names everything that the text depends on: the card, the
  /// versions of driver and library, the shape.
  std::optional<std::string> find(const std::string& key) const;
  /// A file that cannot be written is a warning.
  void keep(const std::string& key, std::string_view text) const;
  /// Removes what is kept under the key, and warns with the reason.
  void drop(const std::string& key, std::string_view reason) const;

  /// The file of a key.
  std::filesystem::path file_of(const std::string& key) const;

 private:
  const std::filesystem::path folder_;
};

}  // namespace streamdiffusion::backend::cuda
