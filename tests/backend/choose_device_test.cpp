// What "auto" stands for.
#include <gtest/gtest.h>

#include <algorithm>

#include "backend/backend.h"
#include "backend/nvidia_hardware.h"
#include "support/temporary_folder.h"

namespace streamdiffusion::backend::test {
namespace {

using streamdiffusion::testing::TemporaryFolder;

TEST(NvidiaHardware, IsADisplayControllerOfNvidias) {
  TemporaryFolder root;
  EXPECT_FALSE(has_nvidia_hardware(root.path()));
  root.write("sys/bus/pci/devices/0000:00:02.0/vendor", "0x8086\n");
  root.write("sys/bus/pci/devices/0000:00:02.0/class", "0x030000\n");
  root.write("sys/bus/pci/devices/0000:01:00.1/vendor", "0x10de\n");
  root.write("sys/bus/pci/devices/0000:01:00.1/class", "0x040300\n");  // the card's sound
  EXPECT_FALSE(has_nvidia_hardware(root.path()));
  root.write("sys/bus/pci/devices/0000:01:00.0/vendor", "0x10de\n");
  root.write("sys/bus/pci/devices/0000:01:00.0/class", "0x030200\n");
  EXPECT_TRUE(has_nvidia_hardware(root.path()));
}

TEST(NvidiaHardware, IsSeenByTheDriversFileWhereThereIsNoPciBus) {
  TemporaryFolder root;
  root.write("dev/nvidiactl", "");
  EXPECT_TRUE(has_nvidia_hardware(root.path()));
}

TEST(AutomaticDevice, IsOneThatCanBeMade) {
  const AutomaticDevice device = automatic_device();
  const std::vector<std::string> names = device_names();
  EXPECT_NE(std::ranges::find(names, device.name), names.end()) << device.name;
  EXPECT_EQ(make_device(device.name)->name(), device.name);
  EXPECT_EQ(device.name == "cuda", names.front() == "cuda");
  if (!has_nvidia_hardware()) {
    EXPECT_EQ(device.missing, "");
  }
}

}  // namespace
}  // namespace streamdiffusion::backend::test
