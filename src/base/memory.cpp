// /proc/meminfo: Documentation/filesystems/proc.rst; control groups: cgroup-v2.rst of Linux.
#include "base/memory.h"

#include <malloc.h>

#include <algorithm>
#include <cstdint>
#include <fstream>
#include <sstream>
#include <string>

namespace streamdiffusion::base {
namespace {

namespace fs = std::filesystem;

/// The number in a file of one number; nothing for "max" and for no such file.
std::optional<std::uint64_t> number_in(const fs::path& file) {
  std::ifstream in(file);
  std::uint64_t number = 0;
  return in >> number ? std::optional(number) : std::nullopt;
}

/// The number behind `key` in a file of lines "key number".
std::uint64_t field_in(const fs::path& file, const std::string& key) {
  std::ifstream in(file);
  for (std::string line; std::getline(in, line);) {
    std::istringstream fields(line);
    std::string name;
    std::uint64_t number = 0;
    if (fields >> name >> number && name == key) return number;
  }
  return 0;
}

/// What a group may still take. Pages of files that it can drop at once count as free, as they do
/// in MemAvailable.
std::optional<std::uint64_t> left_in(const fs::path& group) {
  const auto most = number_in(group / "memory.max"), used = number_in(group / "memory.current");
  if (!most || !used) return std::nullopt;
  const std::uint64_t files = field_in(group / "memory.stat", "inactive_file");
  const std::uint64_t taken = *used - std::min(*used, files);
  return *most - std::min(*most, taken);
}

/// "/a/b" of the line "0::/a/b".
std::string own_group(const fs::path& root) {
  std::ifstream groups(root / "proc/self/cgroup");
  for (std::string line; std::getline(groups, line);) {
    if (line.starts_with("0::")) return line.substr(3);
  }
  return {};
}

}  // namespace

void trim_memory() {
  ::malloc_trim(0);
}

std::optional<std::size_t> available_memory(const fs::path& root) {
  constexpr std::uint64_t kKiB = 1024;
  const std::uint64_t available = field_in(root / "proc/meminfo", "MemAvailable:") * kKiB;
  std::optional<std::uint64_t> result;
  if (available > 0) result = available;
  fs::path group = root / "sys/fs/cgroup";
  const auto take = [&] {
    if (const auto left = left_in(group)) result = std::min(result.value_or(*left), *left);
  };
  take();
  for (const fs::path& part : fs::path(own_group(root)).relative_path()) {
    group /= part;
    take();
  }
  return result;
}

}  // namespace streamdiffusion::base
