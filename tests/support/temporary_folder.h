// A folder of the test's own, empty at first, removed with the object.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

namespace streamdiffusion::testing {

class TemporaryFolder {
 public:
  TemporaryFolder();
  ~TemporaryFolder();
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;

  const std::filesystem::path& path() const { return path_; }
  std::string operator/(const std::string& name) const { return (path_ / name).string(); }
  /// Writes a file, with the folders above it.
  std::filesystem::path write(const std::string& name, std::string_view content) const;

 private:
  std::filesystem::path path_;
};

/// What is in the file; nothing if it cannot be read.
std::string bytes_of(const std::filesystem::path& path);

}  // namespace streamdiffusion::testing
