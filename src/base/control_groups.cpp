// Control groups: Documentation/admin-guide/cgroup-v1 and cgroup-v2.rst of Linux.
#include "base/control_groups.h"

#include <fstream>
#include <sstream>
#include <string_view>

namespace streamdiffusion::base {
namespace {

namespace fs = std::filesystem;

bool has_word(const std::string& list, std::string_view word) {
  std::istringstream words(list);
  for (std::string each; std::getline(words, each, ',');) {
    if (each == word) return true;
  }
  return false;
}

/// The folder of a mount, and those below it on the way to `group`.
void add(std::vector<ControlGroup>& groups, int version, fs::path folder, const fs::path& group) {
  groups.push_back({version, folder});
  for (const fs::path& name : group.relative_path()) {
    if (name == "..") return;  // of a process that was moved out of its container's group
    folder /= name;
    groups.push_back({version, folder});
  }
}

}  // namespace

std::vector<ControlGroup> control_groups(const std::string& controller, const fs::path& root) {
  const fs::path mounts = root / "sys/fs/cgroup";
  std::vector<ControlGroup> groups;
  std::ifstream own(root / "proc/self/cgroup");
  for (std::string line; std::getline(own, line);) {  // "4:cpu,cpuacct:/a" or "0::/a"
    std::istringstream fields(line);
    std::string number, controllers, group;
    std::getline(fields, number, ':');
    std::getline(fields, controllers, ':');
    std::getline(fields, group);
    if (number == "0" && controllers.empty()) {
      for (const char* mount : {"", "unified"}) add(groups, 2, mounts / mount, group);
    } else if (has_word(controllers, controller)) {
      add(groups, 1, mounts / controller, group);
      if (controllers != controller) add(groups, 1, mounts / controllers, group);
    }
  }
  return groups;
}

}  // namespace streamdiffusion::base
