#include "base/open_files.h"

#include <sys/resource.h>

#include <filesystem>
#include <iterator>
#include <system_error>

namespace streamdiffusion::base {

std::size_t raise_open_file_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return 0;
  const rlimit raised{limit.rlim_max, limit.rlim_max};
  const bool done = ::setrlimit(RLIMIT_NOFILE, &raised) == 0;
  return static_cast<std::size_t>(done ? limit.rlim_max : limit.rlim_cur);
}

std::size_t count_open_files() {
  std::error_code ignored;
  const std::filesystem::directory_iterator files("/proc/self/fd", ignored);
  const auto count = std::distance(begin(files), end(files));
  return count > 0 ? static_cast<std::size_t>(count - 1) : 0;  // without that of the folder itself
}

}  // namespace streamdiffusion::base
