// Control groups: Documentation/admin-guide/cgroup-v1 and cgroup-v2.rst of Linux.
#include "base/cpu_count.h"

#include <sched.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <fstream>
#include <optional>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

namespace streamdiffusion::base {
namespace {

namespace fs = std::filesystem;

/// Quota and period in microseconds, as processors. A quota of "max" or -1 is none.
std::optional<double> processors(const std::string& quota, const std::string& period) {
  std::istringstream text(quota + " " + period);
  double microseconds = 0, of = 0;
  if (!(text >> microseconds >> of) || microseconds <= 0 || of <= 0) return std::nullopt;
  return microseconds / of;
}

std::string first_line(const fs::path& file) {
  std::ifstream in(file);
  std::string line;
  std::getline(in, line);
  return line;
}

std::optional<double> quota_v2(const fs::path& group) {
  std::istringstream line(first_line(group / "cpu.max"));
  std::string quota, period;
  line >> quota >> period;
  return processors(quota, period);
}

std::optional<double> quota_v1(const fs::path& group) {
  return processors(first_line(group / "cpu.cfs_quota_us"),
                    first_line(group / "cpu.cfs_period_us"));
}

/// The least quota from `group`, a path inside `mount`, up to `mount`. In a container the path may
/// be the host's: then only the mount itself exists, and is the container's own group.
std::optional<double> least(const fs::path& mount, const std::string& group,
                            std::optional<double> (*quota)(const fs::path&)) {
  std::optional<double> result = quota(mount);
  fs::path folder = mount;
  for (const fs::path& part : fs::path(group).relative_path()) {
    folder /= part;
    const auto here = quota(folder);
    if (here) result = std::min(result.value_or(*here), *here);
  }
  return result;
}

bool has_word(const std::string& list, std::string_view word) {
  std::istringstream words(list);
  for (std::string each; std::getline(words, each, ',');) {
    if (each == word) return true;
  }
  return false;
}

}  // namespace

double cgroup_quota(const fs::path& root) {
  const fs::path mounts = root / "sys/fs/cgroup";
  std::ifstream groups(root / "proc/self/cgroup");
  std::optional<double> result;
  const auto take = [&](std::optional<double> quota) {
    if (quota) result = std::min(result.value_or(*quota), *quota);
  };
  for (std::string line; std::getline(groups, line);) {  // "4:cpu,cpuacct:/a" or "0::/a"
    std::istringstream fields(line);
    std::string number, controllers, group;
    std::getline(fields, number, ':');
    std::getline(fields, controllers, ':');
    std::getline(fields, group);
    if (number == "0" && controllers.empty()) {
      for (const char* mount : {"", "unified"}) take(least(mounts / mount, group, quota_v2));
    } else if (has_word(controllers, "cpu")) {
      for (const std::string& mount : {controllers, std::string("cpu")}) {
        take(least(mounts / mount, group, quota_v1));
      }
    }
  }
  return result.value_or(0);
}

int usable_cores() {
  cpu_set_t set;
  CPU_ZERO(&set);
  int cores = ::sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 0;
  if (cores == 0) cores = static_cast<int>(std::max(std::thread::hardware_concurrency(), 1U));
  const double quota = cgroup_quota();
  return quota > 0 ? std::min(cores, std::max(static_cast<int>(std::ceil(quota)), 1)) : cores;
}

}  // namespace streamdiffusion::base
