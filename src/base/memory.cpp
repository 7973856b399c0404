// /proc/meminfo: Documentation/filesystems/proc.rst of Linux; control groups: cgroup-v1/memory.rst
// and cgroup-v2.rst.
#include "base/memory.h"

#include <malloc.h>

#include <algorithm>
#include <cstdint>
#include <fstream>
#include <sstream>
#include <string>
#include <system_error>
#include <vector>

#include "base/control_groups.h"

namespace streamdiffusion::base {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kKiB = 1024;

using Bytes = std::optional<std::uint64_t>;

/// Version 1 writes the largest multiple of a page below 2^63 where there is no limit.
constexpr std::uint64_t kNoLimit = std::uint64_t{1} << 62;

Bytes least(Bytes a, Bytes b) {
  return a && b ? std::min(a, b) : a ? a : b;
}

/// The number in a file of one number; nothing for no limit and for no such file.
Bytes number_in(const fs::path& file) {
  std::ifstream in(file);
  std::uint64_t number = 0;
  return in >> number && number < kNoLimit ? Bytes(number) : std::nullopt;
}

/// The number behind `key` in a file of lines "key number"; nothing as in number_in().
Bytes field_in(const fs::path& file, const std::string& key) {
  std::ifstream in(file);
  for (std::string line; std::getline(in, line);) {
    std::istringstream fields(line);
    std::string name;
    std::uint64_t number = 0;
    if (fields >> name >> number && name == key)
      return number < kNoLimit ? Bytes(number) : std::nullopt;
  }
  return std::nullopt;
}

/// What a group grants, each where it is limited.
struct Limits {
  Bytes memory, swap, sum;
};

Limits limits_of(const ControlGroup& group) {
  const fs::path& folder = group.folder;
  if (group.version == 2)
    return {number_in(folder / "memory.max"), number_in(folder / "memory.swap.max"), {}};
  const fs::path stat = folder / "memory.stat";  // knows groups above that a container cannot see
  return {least(number_in(folder / "memory.limit_in_bytes"),
                field_in(stat, "hierarchical_memory_limit")),
          std::nullopt,
          least(number_in(folder / "memory.memsw.limit_in_bytes"),
                field_in(stat, "hierarchical_memsw_limit"))};
}

/// What a group may still take of `most`, of which it has taken `used`. Pages of files that it can
/// drop at once count as free, as they do in MemAvailable.
Bytes left_of(Bytes most, Bytes used, std::uint64_t files) {
  if (!most || !used) return std::nullopt;
  const std::uint64_t taken = *used - std::min(*used, files);
  return *most - std::min(*most, taken);
}

Bytes left_in(const ControlGroup& group) {
  const fs::path &folder = group.folder, stat = folder / "memory.stat";
  const Limits most = limits_of(group);
  if (group.version == 2) {  // beyond "high" the group is held back so much that it hardly runs
    return left_of(least(most.memory, number_in(folder / "memory.high")),
                   number_in(folder / "memory.current"),
                   field_in(stat, "inactive_file").value_or(0));
  }
  const std::uint64_t files = field_in(stat, "total_inactive_file").value_or(0);
  return least(left_of(most.memory, number_in(folder / "memory.usage_in_bytes"), files),
               left_of(most.sum, number_in(folder / "memory.memsw.usage_in_bytes"), files));
}

/// Of version 1, a group without "use_hierarchy" limits its own processes alone.
std::vector<ControlGroup> limiting_groups(const fs::path& root) {
  std::vector<ControlGroup> groups = control_groups("memory", root);
  fs::path own;  // of version 1
  std::error_code ignored;
  std::erase_if(groups, [&](const ControlGroup& group) {
    const bool lacks = !fs::exists(group.folder, ignored);
    if (!lacks && group.version == 1) own = group.folder;
    return lacks;
  });
  std::erase_if(groups, [&](const ControlGroup& group) {
    return group.version == 1 && group.folder != own &&
           number_in(group.folder / "memory.use_hierarchy") == Bytes(0);
  });
  return groups;
}

}  // namespace

void trim_memory() {
  ::malloc_trim(0);
}

std::optional<std::size_t> available_memory(const fs::path& root) {
  Bytes result = field_in(root / "proc/meminfo", "MemAvailable:");
  if (result) *result *= kKiB;
  for (const ControlGroup& group : limiting_groups(root)) result = least(result, left_in(group));
  return result;
}

std::optional<std::size_t> total_memory(const fs::path& root) {
  const fs::path info = root / "proc/meminfo";
  Limits total{field_in(info, "MemTotal:"), field_in(info, "SwapTotal:").value_or(0), {}};
  for (Bytes* bytes : {&total.memory, &total.swap}) {
    if (*bytes) **bytes *= kKiB;
  }
  for (const ControlGroup& group : limiting_groups(root)) {
    const Limits granted = limits_of(group);
    total = {least(total.memory, granted.memory), least(total.swap, granted.swap),
             least(total.sum, granted.sum)};
  }
  if (!total.memory) return std::nullopt;
  return least(*total.memory + *total.swap, total.sum);
}

}  // namespace streamdiffusion::base
