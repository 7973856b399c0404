// Shared by the tests of weights and text: a folder of one's own, files in it, and errors looked at
// closely.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace streamdiffusion::testing {

/// A fresh folder that goes with the object.
class TemporaryFolder {
 public:
  TemporaryFolder() {
    static std::atomic<int> count{0};
    const auto* test = ::testing::UnitTest::GetInstance()->current_test_info();
    path_ = std::filesystem::temp_directory_path() /
            base::concat("streamdiffusion_", test->test_suite_name(), '_', test->name(), '_',
                         ::getpid(), '_', ++count);
    std::string name = path_.filename().string();
    for (char& c : name) c = c == '/' ? '_' : c;
    path_.replace_filename(name);
    std::filesystem::create_directories(path_);
  }
  ~TemporaryFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;

  const std::filesystem::path& path() const { return path_; }
  std::filesystem::path write(const std::string& name, std::string_view content) const {
    const auto file = path_ / name;
    std::filesystem::create_directories(file.parent_path());
    std::ofstream(file, std::ios::binary) << content;
    return file;
  }

 private:
  std::filesystem::path path_;
};

/// Runs `action`; it must throw Error(code) with every one of `parts` in its message.
template <typename Action>
void expect_error(Action action, base::ErrorCode code, const std::vector<std::string>& parts) {
  try {
    action();
    FAIL() << "did not throw";
  } catch (const base::Error& error) {
    EXPECT_EQ(error.code(), code) << error.what();
    for (const std::string& part : parts) EXPECT_THAT(error.what(), ::testing::HasSubstr(part));
    EXPECT_LT(std::string_view(error.what()).size(), 20'000U);
  }
}

}  // namespace streamdiffusion::testing
