// Listing and removing.
#include "hub/installed.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "hub/cache.h"
#include "hub/partial_file.h"
#include "support/errors.h"
#include "support/temporary_folder.h"

namespace streamdiffusion::hub {
namespace {

namespace fs = std::filesystem;
using base::ErrorCode;
using testing::expect_error;
using testing::TemporaryFolder;

const std::string kOld(40, '1'), kNew(40, '2');

class InstalledTest : public ::testing::Test {
 protected:
  /// Two revisions: "shared" is in both, each has one file of its own.
  void SetUp() override {
    const CachedRepository repository(settings_, "org/name");
    repository.create();
    const auto add = [&](const std::string& commit, const std::string& path, char hash,
                         std::size_t size) {
      const RemoteFile file{.path = path, .size = size, .hash = std::string(40, hash)};
      folder_.write("hub/models--org--name/blobs/" + file.hash, std::string(size, 'x'));
      repository.link(commit, file);
    };
    add(kOld, "shared", 'a', 100);
    add(kOld, "own", 'b', 20);
    add(kNew, "shared", 'a', 100);
    add(kNew, "own", 'c', 3);
    repository.write_ref("main", kNew);
    folder_.write("own/civitai/7/ink.safetensors", "1234");
  }
  std::vector<std::string> names() const {
    std::vector<std::string> all;
    for (const InstalledModel& model : list_installed(settings_).models) all.push_back(model.name);
    return all;
  }

  TemporaryFolder folder_;
  Settings settings_{.cache = folder_.path() / "hub", .own_cache = folder_.path() / "own"};
};

TEST_F(InstalledTest, ListsRevisionsWithTheirSizes) {
  const Installed installed = list_installed(settings_);
  ASSERT_EQ(installed.models.size(), 3U);
  EXPECT_EQ(installed.models[0].name, "civitai:7");
  EXPECT_EQ(installed.models[0].bytes, 4U);
  EXPECT_EQ(installed.models[1].name, "org/name");
  EXPECT_EQ(installed.models[1].bytes, 103U);
  EXPECT_EQ(installed.models[2].name, "org/name@" + kOld);
  EXPECT_EQ(installed.models[2].bytes, 120U);
  EXPECT_EQ(installed.bytes, 100U + 20 + 3 + 40);  // 40: the reference
  EXPECT_EQ(installed.civitai_bytes, 4U);
  EXPECT_TRUE(installed.problems.empty());
}

TEST_F(InstalledTest, RemovesARevisionAndWhatOnlyItUses) {
  EXPECT_EQ(remove_installed(settings_, "org/name@" + kOld), 20U);
  EXPECT_THAT(names(), ::testing::ElementsAre("civitai:7", "org/name"));
  EXPECT_EQ(list_installed(settings_).models[1].bytes, 103U);
  EXPECT_EQ(remove_installed(settings_, "org/name@main"), 143U);
  EXPECT_FALSE(fs::exists(folder_ / "hub/models--org--name"));
}

TEST_F(InstalledTest, RemovesAll) {
  EXPECT_EQ(remove_installed(settings_, "org/name"), 163U);
  EXPECT_EQ(remove_installed(settings_, "civitai:7"), 4U);
  EXPECT_TRUE(names().empty());
  EXPECT_EQ(list_installed(settings_).bytes, 0U);
}

TEST_F(InstalledTest, RemovesNothingElse) {
  fs::create_directories(folder_ / "victim");
  folder_.write("victim/file", "x");
  fs::create_directory_symlink(folder_ / "victim",
                               folder_ / ("hub/models--org--name/snapshots/" + kOld + "/link"));
  for (const char* name : {"org/other", "civitai:8", "org/name@v9"}) {
    expect_error([&] { remove_installed(settings_, name); }, ErrorCode::not_found,
                 {name, "is not in"});
  }
  expect_error([&] { remove_installed(settings_, "../x"); }, ErrorCode::invalid_argument,
               {"is no name"});
  expect_error([&] { remove_installed(settings_, "org/name/own.safetensors"); },
               ErrorCode::invalid_argument, {"only whole repositories"});
  EXPECT_THAT(names(), ::testing::SizeIs(3));
  remove_installed(settings_, "org/name");
  EXPECT_TRUE(fs::exists(folder_ / "victim/file"));
}

TEST_F(InstalledTest, RemovesNothingThatIsBeingDownloaded) {
  const fs::path lock = folder_ / ("hub/.locks/models--org--name/" + kOld + ".lock");
  {
    const FileLock held(lock, "x", {});
    expect_error([&] { remove_installed(settings_, "org/name"); }, ErrorCode::busy,
                 {"another program downloads"});
  }
  remove_installed(settings_, "org/name");
}

TEST_F(InstalledTest, ListsADownloadThatWasStopped) {
  CachedRepository(settings_, "org/stopped").create();
  folder_.write("hub/models--org--stopped/blobs/x.sd-partial", "12345");
  const Installed installed = list_installed(settings_);
  EXPECT_EQ(installed.models.back().name, "org/stopped");
  EXPECT_EQ(installed.models.back().bytes, 5U);
  EXPECT_EQ(remove_installed(settings_, "org/stopped"), 5U);
}

TEST_F(InstalledTest, NamesALinkThatLeadsOut) {
  const fs::path link = folder_ / ("hub/models--org--name/snapshots/" + kNew + "/own");
  fs::remove(link);
  fs::create_symlink("/etc/passwd", link);
  fs::remove(folder_ / "own/civitai/7/ink.safetensors");
  fs::create_symlink("/etc/passwd", folder_ / "own/civitai/7/ink.safetensors");
  const Installed installed = list_installed(settings_);
  ASSERT_EQ(installed.models.size(), 2U);
  EXPECT_THAT(installed.models[0].problem, ::testing::HasSubstr(link.string()));
  EXPECT_EQ(installed.models[1].problem, "");
  EXPECT_THAT(installed.problems, ::testing::ElementsAre(::testing::HasSubstr("ink.safetensors")));
}

TEST_F(InstalledTest, NamesWhatIsBroken) {
  fs::remove(folder_ / ("hub/models--org--name/blobs/" + std::string(40, 'b')));
  folder_.write("hub/models--org--bad/refs/main", "no commit");
  const Installed installed = list_installed(settings_);
  EXPECT_EQ(installed.models.size(), 3U);
  EXPECT_EQ(installed.problems.size(), 2U);
}

}  // namespace
}  // namespace streamdiffusion::hub
