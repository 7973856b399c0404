// Hashes of whole files: right, and not computed twice.
#include "hub/file_hash.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "support/temporary_folder.h"

namespace streamdiffusion::hub {
namespace {

namespace fs = std::filesystem;

constexpr const char* kOfAbc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
constexpr const char* kOfNothing =
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

void write(const fs::path& file, const std::string& text) {
  fs::create_directories(file.parent_path());
  std::ofstream(file, std::ios::binary) << text;
}

class FileHash : public ::testing::Test {
 protected:
  FileHash() { ::setenv("XDG_CACHE_HOME", (folder_.path() / "cache").c_str(), 1); }
  ~FileHash() override { ::unsetenv("XDG_CACHE_HOME"); }

  const testing::TemporaryFolder folder_;
  const fs::path file_ = folder_.path() / "model.safetensors";
  const fs::path hashes_ = folder_.path() / "cache/streamdiffusion/hashes";
};

TEST_F(FileHash, IsThatOfTheContent) {
  write(file_, "abc");
  EXPECT_EQ(sha256_of_file(file_, false), kOfAbc);
  EXPECT_FALSE(fs::exists(hashes_));
  write(file_, "");
  EXPECT_EQ(sha256_of_file(file_, false), kOfNothing);
}

/// What is kept is used while the file stays as it is.
TEST_F(FileHash, IsKeptUntilTheFileChanges) {
  write(file_, "abc");
  EXPECT_EQ(sha256_of_file(file_, true), kOfAbc);
  const auto kept = fs::directory_iterator(hashes_)->path();
  const std::string other(64, 'a');
  write(kept, other);
  EXPECT_EQ(sha256_of_file(file_, true), other);
  EXPECT_EQ(sha256_of_file(file_, false), kOfAbc);
  write(kept, "no hash");
  EXPECT_EQ(sha256_of_file(file_, true), kOfAbc);
  write(file_, "");
  EXPECT_EQ(sha256_of_file(file_, true), kOfNothing);
}

TEST_F(FileHash, OfABlobOfTheHubIsItsName) {
  const std::string hash(64, 'b');
  write(folder_.path() / "blobs" / hash, "abc");
  fs::create_directories(folder_.path() / "snapshots");
  const fs::path link = folder_.path() / "snapshots/model.safetensors";
  fs::create_symlink("../blobs/" + hash, link);
  EXPECT_EQ(sha256_of_file(link, true), hash);
}

}  // namespace
}  // namespace streamdiffusion::hub
