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

TEST(TotalMemory, IsMemoryAndSwapOfTheMachineOrWhatAGroupGrants) {
  const testing::TemporaryFolder root;
  EXPECT_EQ(total_memory(root.path()), std::nullopt);
  root.write("proc/meminfo", kMemInfo);
  EXPECT_EQ(total_memory(root.path()), 8000U * 1024);
  root.write("proc/meminfo", std::string(kMemInfo) + "SwapTotal: 1000 kB\n");
  EXPECT_EQ(total_memory(root.path()), 9000U * 1024);
  root.write("proc/self/cgroup", "0::/\n");
  root.write("sys/fs/cgroup/memory.max", "3000000\n");
  EXPECT_EQ(total_memory(root.path()), 3000000U + 1000U * 1024);
  root.write("sys/fs/cgroup/memory.swap.max", "max\n");
  EXPECT_EQ(total_memory(root.path()), 3000000U + 1000U * 1024);
  root.write("sys/fs/cgroup/memory.swap.max", "0\n");
  EXPECT_EQ(total_memory(root.path()), 3000000U);
  EXPECT_GE(total_memory(), available_memory()) << "of this machine";
}

TEST(TotalMemory, IsTheLeastMemoryAndTheLeastSwapOfNestedGroups) {
  const testing::TemporaryFolder root;
  root.write("proc/meminfo", std::string(kMemInfo) + "SwapTotal: 1000 kB\n");
  root.write("proc/self/cgroup", "0::/outer/inner\n");
  root.write("sys/fs/cgroup/outer/memory.max", "3000000\n");
  root.write("sys/fs/cgroup/outer/inner/memory.max", "4000000\n");
  root.write("sys/fs/cgroup/outer/inner/memory.swap.max", "1000\n");
  EXPECT_EQ(total_memory(root.path()), 3001000U);
}

TEST(AvailableMemory, EndsWhereAGroupIsHeldBack) {
  const testing::TemporaryFolder root;
  root.write("proc/meminfo", kMemInfo);
  root.write("proc/self/cgroup", "0::/a\n");
  root.write("sys/fs/cgroup/a/memory.high", "2000000\n");
  root.write("sys/fs/cgroup/a/memory.current", "500000\n");
  EXPECT_EQ(available_memory(root.path()), 1500000U);
}

/// A machine with version 1, on which this process is in the group /outer/inner.
class MemoryOfVersion1 : public ::testing::Test {
 protected:
  MemoryOfVersion1() {
    root_.write("proc/meminfo", std::string(kMemInfo) + "SwapTotal: 1000 kB\n");
    root_.write("proc/self/cgroup", "12:cpu:/\n9:memory:/outer/inner\n1:name=systemd:/\n0::/\n");
    set("", "limit_in_bytes", kNone);
    set("outer", "limit_in_bytes", kNone);
    set("outer/inner", "limit_in_bytes", kNone);
  }
  void set(const std::string& group, const std::string& name, const std::string& content) {
    root_.write("sys/fs/cgroup/memory/" + group + "/memory." + name, content + "\n");
  }
  std::optional<std::size_t> available() const { return available_memory(root_.path()); }
  std::optional<std::size_t> total() const { return total_memory(root_.path()); }

  static constexpr const char* kNone = "9223372036854771712";
  static constexpr std::size_t kAvailable = 4000 * 1024, kMemory = 8000 * 1024, kSwap = 1000 * 1024;
  testing::TemporaryFolder root_;
};

TEST_F(MemoryOfVersion1, IsThatOfTheMachineWithoutALimit) {
  set("outer/inner", "usage_in_bytes", "1000");
  EXPECT_EQ(available(), kAvailable);
  EXPECT_EQ(total(), kMemory + kSwap);
}

TEST_F(MemoryOfVersion1, IsWhatTheGroupLeaves) {
  set("outer/inner", "limit_in_bytes", "3000000");
  set("outer/inner", "usage_in_bytes", "1000000");
  EXPECT_EQ(available(), 2000000U);
  EXPECT_EQ(total(), 3000000U + kSwap);
  set("outer/inner", "stat", "inactive_file 1\ntotal_inactive_file 600000");
  EXPECT_EQ(available(), 2600000U) << "pages of files can be dropped";
}

TEST_F(MemoryOfVersion1, IsWhatAGroupAboveLeaves) {
  set("outer", "limit_in_bytes", "2000000");
  set("outer", "usage_in_bytes", "1500000");
  set("outer", "use_hierarchy", "1");
  EXPECT_EQ(available(), 500000U);
  EXPECT_EQ(total(), 2000000U + kSwap);
  set("outer", "use_hierarchy", "0");
  EXPECT_EQ(available(), kAvailable) << "limits its own processes alone";
  EXPECT_EQ(total(), kMemory + kSwap);
}

TEST_F(MemoryOfVersion1, ALimitOfMemoryAndSwapHoldsForTheirSum) {
  set("outer/inner", "limit_in_bytes", "3000000");
  set("outer/inner", "usage_in_bytes", "1000000");
  set("outer/inner", "memsw.limit_in_bytes", "3100000");
  set("outer/inner", "memsw.usage_in_bytes", "2000000");
  EXPECT_EQ(total(), 3100000U);
  EXPECT_EQ(available(), 1100000U) << "a part of what is used is in the swap";
}

TEST_F(MemoryOfVersion1, AContainerSeesOnlyItsOwnGroup) {
  root_.write("proc/self/cgroup", "9:memory:/docker/0123456789\n0::/\n");
  set("", "stat", "hierarchical_memory_limit 1500000\nhierarchical_memsw_limit 1600000");
  set("", "use_hierarchy", "0");
  set("", "usage_in_bytes", "500000");
  EXPECT_EQ(available(), 1000000U);
  EXPECT_EQ(total(), 1600000U);
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
