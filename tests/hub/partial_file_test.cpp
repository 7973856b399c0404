// A file that is hashed as it grows.
#include "hub/partial_file.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "base/input_file.h"
#include "hub/api.h"
#include "support/errors.h"
#include "support/temporary_folder.h"

namespace streamdiffusion::hub {
namespace {

using base::ErrorCode;
using testing::expect_error;
using testing::TemporaryFolder;

std::span<const std::byte> bytes(std::string_view text) {
  return std::as_bytes(std::span(text));
}

// `printf hello | sha256sum` and `printf hello | git hash-object --stdin`
constexpr const char* kSha256OfHello =
    "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";
constexpr const char* kGitSha1OfHello = "b6fc4c620b67d95f953a5c1c1230aaab5db5a1b0";

RemoteFile hello(HashKind kind) {
  return {.path = "x", .size = 5, .kind = kind, .hash = {}};
}

TEST(PartialFile, HashesWhatItHolds) {
  const TemporaryFolder folder;
  for (const auto& [kind, hash] : {std::pair(HashKind::sha256, kSha256OfHello),
                                   std::pair(HashKind::git_sha1, kGitSha1OfHello)}) {
    PartialFile file(folder / "a", hello(kind), {});
    file.append(bytes("hel"));
    file.append(bytes("lo"));
    EXPECT_EQ(file.hash(), hash);
    file.move_to(folder / "b");
    EXPECT_FALSE(std::filesystem::exists(folder / "a"));
    EXPECT_EQ(std::filesystem::file_size(folder / "b"), 5U);
  }
}

TEST(PartialFile, ContinuesWhatIsThere) {
  const TemporaryFolder folder;
  PartialFile(folder / "a", hello(HashKind::sha256), {}).append(bytes("hel"));
  PartialFile file(folder / "a", hello(HashKind::sha256), {});
  EXPECT_EQ(file.size(), 3U);
  file.append(bytes("lo"));
  EXPECT_EQ(file.hash(), kSha256OfHello);
}

TEST(PartialFile, ThatIsTooLongBeginsAnew) {
  const TemporaryFolder folder;
  const std::string path = folder.write("a", "hello world");
  PartialFile file(path, hello(HashKind::sha256), {});
  EXPECT_EQ(file.size(), 0U);
  file.append(bytes("hxx"));
  file.restart();
  file.append(bytes("hello"));
  EXPECT_EQ(file.hash(), kSha256OfHello);
}

TEST(PartialFile, FollowsNoLink) {
  const TemporaryFolder folder;
  const std::string victim = folder.write("victim", "");
  std::filesystem::create_symlink(victim, folder / "a");
  expect_error([&] { PartialFile(folder / "a", hello(HashKind::sha256), {}); }, ErrorCode::io,
               {"cannot be opened"});
  EXPECT_EQ(std::filesystem::file_size(victim), 0U);
}

TEST(PartialFile, StopsWhileItReadsWhatIsThere) {
  const TemporaryFolder folder;
  const std::string path = folder.write("a", "hel");
  EXPECT_THROW(PartialFile(path, hello(HashKind::sha256), [] { return true; }), Interrupted);
  EXPECT_EQ(std::filesystem::file_size(path), 3U);
}

TEST(FileLock, IsHeldByOne) {
  const TemporaryFolder folder;
  const FileLock first(folder / "lock", "x", {});
  int asked = 0;
  EXPECT_THROW(FileLock(folder / "lock", "x", [&] { return ++asked > 2; }), Interrupted);
}

}  // namespace
}  // namespace streamdiffusion::hub
