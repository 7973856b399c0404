// Files that are whole or not there, and what is no file.
#include "base/file_writer.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <fstream>
#include <iterator>
#include <thread>

#include "support/errors.h"
#include "support/temporary_folder.h"

namespace streamdiffusion::base {
namespace {

namespace fs = std::filesystem;
using streamdiffusion::testing::bytes_of;
using streamdiffusion::testing::error_of;
using streamdiffusion::testing::TemporaryFolder;
using ::testing::HasSubstr;

std::ptrdiff_t entries(const fs::path& folder) {
  return std::distance(fs::directory_iterator(folder), {});
}

TEST(FileWriter, AFileAppearsWhenItIsWhole) {
  const TemporaryFolder folder;
  const fs::path path = folder.write("a", "old");
  {
    FileWriter writer(path);
    writer.write("new");
    EXPECT_EQ(bytes_of(path), "old");
    writer.write("er");
    writer.finish();
  }
  EXPECT_EQ(bytes_of(path), "newer");
  { FileWriter(path).write("lost"); }
  EXPECT_EQ(bytes_of(path), "newer");
  EXPECT_EQ(entries(folder.path()), 1) << "something unfinished is left";
}

TEST(FileWriter, KeepsPermissionsAndRespectsTheMask) {
  const TemporaryFolder folder;
  const fs::path old = folder.write("old", "x");
  fs::permissions(old, fs::perms::owner_read | fs::perms::owner_write | fs::perms::group_read);
  write_file(old, "y");
  EXPECT_EQ(fs::status(old).permissions(),
            fs::perms::owner_read | fs::perms::owner_write | fs::perms::group_read);
  const mode_t mask = ::umask(077);
  write_file(folder / "new", "y");
  ::umask(mask);
  EXPECT_EQ(fs::status(folder / "new").permissions(),
            fs::perms::owner_read | fs::perms::owner_write);
}

TEST(FileWriter, WhatIsForItsOwnerIsForNobodyElse) {
  const TemporaryFolder folder;
  write_file(folder / "old", "x");
  fs::permissions(folder / "old", fs::perms::others_read, fs::perm_options::add);
  for (const char* const name : {"old", "new"}) {
    write_file(folder / name, "secret", Durability::replacing, Readers::owner);
    EXPECT_EQ(fs::status(folder / name).permissions(),
              fs::perms::owner_read | fs::perms::owner_write)
        << name;
  }
}

TEST(FileWriter, ALinkIsReplacedAndWhatItLedToStays) {
  const TemporaryFolder folder;
  const fs::path victim = folder.write("victim", "precious");
  fs::create_symlink(victim, folder / "link");
  write_file(folder / "link", "new");
  EXPECT_EQ(bytes_of(victim), "precious");
  EXPECT_EQ(bytes_of(folder / "link"), "new");
  EXPECT_FALSE(fs::is_symlink(folder / "link"));
}

TEST(FileWriter, AFullDiskLeavesTheOldFileAndNothingElse) {
  const TemporaryFolder folder;
  const fs::path path = folder.write("a", "old");
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  rlimit before{};
  ::getrlimit(RLIMIT_FSIZE, &before);
  const rlimit small{100, before.rlim_max};
  ::setrlimit(RLIMIT_FSIZE, &small);
  const std::string error = error_of([&] { write_file(path, std::string(1000, 'x')); });
  ::setrlimit(RLIMIT_FSIZE, &before);
  std::signal(SIGXFSZ, handler);
  EXPECT_EQ(error, path.string() + ": cannot write: File too large");
  EXPECT_EQ(bytes_of(path), "old");
  EXPECT_EQ(entries(folder.path()), 1);
}

TEST(FileWriter, SaysWhyItCannotWrite) {
  const TemporaryFolder folder;
  const std::string none = folder / "none/a";
  EXPECT_EQ(error_of([&] { write_file(none, "x"); }),
            none + ": cannot write: No such file or directory");
  EXPECT_EQ(error_of([&] { write_file(folder.path(), "x"); }),
            folder.path().string() + ": cannot write: Is a directory");
  EXPECT_EQ(error_of([] { write_file("/dev/full", "x"); }),
            "/dev/full: cannot write: No space left on device");
  EXPECT_EQ(error_of([] { write_file("/dev/fd/987", "x"); }),
            "/dev/fd/987: cannot write: Bad file descriptor");
  // the longest name that there may be leaves no room for an ending of ours
  write_file(folder / std::string(255, 'n'), "x");
  EXPECT_THAT(error_of([&] { write_file(folder / std::string(256, 'n'), "x"); }),
              HasSubstr("File name too long"));
  EXPECT_EQ(entries(folder.path()), 1);
}

TEST(FileWriter, MissingFoldersMustBePossible) {
  const TemporaryFolder folder;
  check_creatable(folder / "a/b/x.json");
  EXPECT_FALSE(fs::exists(folder / "a"));
  std::ofstream(folder / "file") << "here";
  EXPECT_THAT(error_of([&] { check_creatable(folder / "file/b/x.json"); }),
              HasSubstr("file: is a file, expected a folder"));
  EXPECT_THAT(error_of([&] { check_writable(folder / "a/x.json"); }), HasSubstr("a/x.json"));
}

TEST(FileWriter, WritesIntoPipesDevicesAndDescriptors) {
  const TemporaryFolder folder;
  const std::string pipe = folder / "pipe";
  ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
  EXPECT_TRUE(is_stream(pipe));
  std::string received;
  std::thread reader([&] { received = bytes_of(pipe); });
  write_file(pipe, "through a pipe");
  reader.join();
  EXPECT_EQ(received, "through a pipe");
  EXPECT_TRUE(fs::is_fifo(pipe));

  const fs::path file = folder.write("file", "");
  const int descriptor = ::open(file.c_str(), O_WRONLY | O_CLOEXEC);
  for (const std::string prefix : {"/dev/fd/", "/proc/self/fd/"}) {
    const std::string name = prefix + std::to_string(descriptor);
    EXPECT_TRUE(is_stream(name));
    write_file(name, "one ");
  }
  ::close(descriptor);
  EXPECT_EQ(bytes_of(file), "one one ");
  EXPECT_TRUE(is_stream("-"));
  EXPECT_TRUE(is_standard_output("/dev/stdout"));
  EXPECT_FALSE(is_standard_output("/dev/stderr"));
  EXPECT_FALSE(is_stream(file));
  EXPECT_FALSE(is_stream(folder / "none"));
  write_file("/dev/null", "x");
}

}  // namespace
}  // namespace streamdiffusion::base
