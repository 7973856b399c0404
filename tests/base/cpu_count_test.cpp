// The number of usable cores: affinity and control groups.
#include "base/cpu_count.h"

#include <gtest/gtest.h>

#include <fstream>
#include <map>

#include "support/temporary_folder.h"

namespace streamdiffusion::base {
namespace {

namespace fs = std::filesystem;

/// What cgroup_quota() finds under a root with these files.
double quota_of(const std::map<std::string, std::string>& files) {
  const streamdiffusion::testing::TemporaryFolder root;
  for (const auto& [name, content] : files) {
    const fs::path path = root.path() / name;
    fs::create_directories(path.parent_path());
    std::ofstream(path) << content;
  }
  return cgroup_quota(root.path());
}

TEST(CgroupQuota, IsNoneWithoutAGroupOrALimit) {
  EXPECT_EQ(quota_of({}), 0);
  EXPECT_EQ(quota_of({{"proc/self/cgroup", "0::/\n"}}), 0);
  EXPECT_EQ(
      quota_of({{"proc/self/cgroup", "0::/a\n"}, {"sys/fs/cgroup/a/cpu.max", "max 100000\n"}}), 0);
  EXPECT_EQ(quota_of({{"proc/self/cgroup", "3:cpu,cpuacct:/\n"},
                      {"sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us", "-1\n"},
                      {"sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us", "100000\n"}}),
            0);
  EXPECT_EQ(quota_of({{"proc/self/cgroup", "0::/\n"}, {"sys/fs/cgroup/cpu.max", "nonsense"}}), 0);
}

TEST(CgroupQuota, OfVersion2IsTheLeastUpToTheTop) {
  // docker run --cpus=1.5: the container sees its own group as the top
  EXPECT_EQ(quota_of({{"proc/self/cgroup", "0::/\n"}, {"sys/fs/cgroup/cpu.max", "150000 100000"}}),
            1.5);
  const std::map<std::string, std::string> nested{
      {"proc/self/cgroup", "0::/system.slice/a.service\n"},
      {"sys/fs/cgroup/system.slice/cpu.max", "200000 100000\n"},
      {"sys/fs/cgroup/system.slice/a.service/cpu.max", "400000 100000\n"}};
  EXPECT_EQ(quota_of(nested), 2);
}

TEST(CgroupQuota, OfVersion1IsFoundWhereItsControllerIsMounted) {
  EXPECT_EQ(quota_of({{"proc/self/cgroup", "5:memory:/a\n4:cpu,cpuacct:/a\n0::/a\n"},
                      {"sys/fs/cgroup/cpu,cpuacct/a/cpu.cfs_quota_us", "50000\n"},
                      {"sys/fs/cgroup/cpu,cpuacct/a/cpu.cfs_period_us", "100000\n"}}),
            0.5);
  // in a container the path may be the host's, while the mount is the container's own group
  EXPECT_EQ(quota_of({{"proc/self/cgroup", "4:cpu:/docker/0123\n"},
                      {"sys/fs/cgroup/cpu/cpu.cfs_quota_us", "300000\n"},
                      {"sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000\n"}}),
            3);
}

TEST(UsableCores, AreAtLeastOne) {
  EXPECT_GE(usable_cores(), 1);
}

}  // namespace
}  // namespace streamdiffusion::base
