#include "base/cpu_count.h"

#include <sched.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <optional>
#include <sstream>
#include <string>
#include <thread>

#include "base/control_groups.h"

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

}  // namespace

double cgroup_quota(const fs::path& root) {
  std::optional<double> result;
  for (const auto& [version, folder] : control_groups("cpu", root)) {
    const auto quota = version == 1 ? quota_v1(folder) : quota_v2(folder);
    if (quota) result = std::min(result.value_or(*quota), *quota);
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
