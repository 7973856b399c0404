// The control groups of this process, which may grant it less than the machine has.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace streamdiffusion::base {

/// A control group of Linux; its files are in `folder`.
struct ControlGroup {
  /// 1 or 2.
  int version;
  std::filesystem::path folder;
};

/// The groups of this process and those above them whose `controller`, such as "memory", may limit
/// it; of each hierarchy the outermost first. Folders may lack: in a container the path of a group
/// may be the host's, and only the folder of the mount is there, which is the container's own
/// group. `root` stands for "/", for tests.
std::vector<ControlGroup> control_groups(const std::string& controller,
                                         const std::filesystem::path& root = "/");

}  // namespace streamdiffusion::base
