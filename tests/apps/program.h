// The program as a user starts it, in a folder of its own, with a tiny model.
#pragma once

#include <gtest/gtest.h>
#include <sys/types.h>

#include <string>
#include <vector>

#include "support/temporary_folder.h"
#include "support/tiny_model.h"

namespace streamdiffusion::testing {

class ProgramTest : public ::testing::Test {
 protected:
  /// Starts it with these arguments; returns its process. Its output and messages go to files, and
  /// the user's cache is a folder of the test's own.
  pid_t start(std::vector<std::string> arguments, const std::string& input = "/dev/null");
  /// Its exit code, or 1000 and the signal that ended it. Kills it when it does not end in time.
  static int wait(pid_t process);
  int run(std::vector<std::string> arguments, const std::string& input = "/dev/null");
  /// The same with the flags that every command needs for the tiny model: 32x24, two steps.
  static std::vector<std::string> with_model(const std::string& command,
                                             const std::vector<std::string>& flags);

  /// What the last run wrote to standard output and to standard error.
  std::string printed() const { return bytes_of(folder_ / "out"); }
  std::string said() const { return bytes_of(folder_ / "err"); }

  static const TinyModel& model();

  TemporaryFolder folder_;
  /// Largest file that the program may write, in bytes; 0 for no limit. What is longer fails as on
  /// a full disk.
  std::size_t largest_file_ = 0;
  /// Where standard output goes instead of to printed(): a path, or "closed".
  std::string printed_to_;
};

}  // namespace streamdiffusion::testing
