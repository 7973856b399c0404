// How many processors this process may use.
#pragma once

#include <filesystem>

namespace streamdiffusion::base {

/// The least of those that it may run on (affinity) and what its control groups grant it, rounded
/// up, at least 1. A group that is granted half a processor's time on eight cores has one: threads
/// on all of them would use up the time early in each period and then all stand still.
int usable_cores();

/// The quota of control groups in processors, or 0 without one: the least of the group's own and
/// those above it, of version 1 (cpu.cfs_quota_us) and 2 (cpu.max). `root` stands for "/", for
/// tests.
double cgroup_quota(const std::filesystem::path& root = "/");

}  // namespace streamdiffusion::base
