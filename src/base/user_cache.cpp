#include "base/user_cache.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>

#include "base/error.h"

namespace streamdiffusion::base {
namespace {

namespace fs = std::filesystem;

/// Empty if the variable is not set.
fs::path folder_of(const char* variable) {
  const char* value = std::getenv(variable);
  return value == nullptr ? "" : value;
}

}  // namespace

std::optional<fs::path> user_cache_folder() {
  if (const fs::path cache = folder_of("XDG_CACHE_HOME"); !cache.empty())
    return cache / "streamdiffusion";
  if (const fs::path home = folder_of("HOME"); !home.empty())
    return home / ".cache" / "streamdiffusion";
  return std::nullopt;
}

void require_own_file(const fs::path& file) {
  struct stat status {};
  const bool own =
      ::stat(file.c_str(), &status) == 0 && (status.st_uid == ::geteuid() || status.st_uid == 0);
  require(own, ErrorCode::io, file.string(), ": belongs to another user");
}

}  // namespace streamdiffusion::base
