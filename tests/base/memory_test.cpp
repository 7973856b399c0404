// Available memory, from files as Linux writes them.
#include "base/memory.h"

#include <gtest/gtest.h>

#include "support/temporary_folder.h"

namespace streamdiffusion::base {
namespace {

constexpr const char* kMemInfo = "MemTotal: 8000 kB\nMemFree: 100 kB\nMemAvailable: 4000 kB\n";

TEST(AvailableMemory, IsThatOfTheSystem) {
  const testing::TemporaryFolder root;
  EXPECT_EQ(available_memory(root.path()), std::nullopt);
  root.write("proc/meminfo", kMemInfo);
  EXPECT_EQ(available_memory(root.path()), 4000U * 1024);
  EXPECT_GT(available_memory(), 0U) << "of this machine";
}

TEST(AvailableMemory, IsAtMostWhatEveryControlGroupLeaves) {
  const testing::TemporaryFolder root;
  root.write("proc/meminfo", kMemInfo);
  root.write("proc/self/cgroup", "0::/outer/inner\n");
  root.write("sys/fs/cgroup/outer/memory.max", "3000000\n");
  root.write("sys/fs/cgroup/outer/memory.current", "1000000\n");
  root.write("sys/fs/cgroup/outer/inner/memory.max", "max\n");
  root.write("sys/fs/cgroup/outer/inner/memory.current", "900000\n");
  EXPECT_EQ(available_memory(root.path()), 2000000U);
  root.write("sys/fs/cgroup/outer/memory.stat", "anon 400000\ninactive_file 600000\n");
  EXPECT_EQ(available_memory(root.path()), 2600000U) << "pages of files can be dropped";
  root.write("sys/fs/cgroup/outer/inner/memory.max", "800000\n");
  EXPECT_EQ(available_memory(root.path()), 0U) << "more is used than allowed";
}

TEST(AvailableMemory, AGroupMayBeTheContainersOwnMount) {
  const testing::TemporaryFolder root;
  root.write("proc/meminfo", kMemInfo);
  root.write("proc/self/cgroup", "0::/of/the/host\n");
  root.write("sys/fs/cgroup/memory.max", "1000\n");
  root.write("sys/fs/cgroup/memory.current", "400\n");
  EXPECT_EQ(available_memory(root.path()), 600U);
}

}  // namespace
}  // namespace streamdiffusion::base
