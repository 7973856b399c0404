// What the environment says to the tests, so that one build can be run elsewhere and on another
// device (tools/gpu/check).
#pragma once

#include <cstdlib>
#include <filesystem>
#include <string>

namespace streamdiffusion::testing {

/// The folder tests/data: SD_TEST_DATA, or `of_the_tree`.
inline std::filesystem::path data_folder(const char* of_the_tree) {
  const char* folder = std::getenv("SD_TEST_DATA");
  return folder == nullptr ? of_the_tree : folder;
}

/// The device: SD_TEST_DEVICE, or `built_for`.
inline std::string device_or(const char* built_for) {
  const char* device = std::getenv("SD_TEST_DEVICE");
  return device == nullptr ? built_for : device;
}

}  // namespace streamdiffusion::testing
