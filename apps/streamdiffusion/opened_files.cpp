#include "opened_files.h"

namespace streamdiffusion::app {

std::map<std::string, std::filesystem::path> open_files() {
  std::map<std::string, std::filesystem::path> files;
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd", ignored)) {
    if (!entry.is_regular_file(ignored)) continue;
    files[entry.path().filename().string()] = std::filesystem::read_symlink(entry.path(), ignored);
  }
  return files;
}

}  // namespace streamdiffusion::app
