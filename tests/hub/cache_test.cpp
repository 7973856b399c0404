// The layout of the cache, byte by byte as Python's huggingface_hub writes it.
#include "hub/cache.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <iterator>
#include <thread>
#include <vector>

#include "support/errors.h"
#include "support/temporary_folder.h"

namespace streamdiffusion::hub {
namespace {

namespace fs = std::filesystem;
using base::ErrorCode;
using testing::bytes_of;
using ::testing::ElementsAre;
using testing::expect_error;
using ::testing::IsEmpty;
using testing::TemporaryFolder;

const std::string kCommit(40, 'c'), kHash(40, 'a');

class Cache : public ::testing::Test {
 protected:
  CachedRepository repository() const { return {settings_, "org/name"}; }
  /// Puts a blob there and links it.
  RemoteFile add(const std::string& path, const std::string& content = "x") const {
    const RemoteFile file{.path = path, .size = content.size(), .hash = kHash};
    repository().create();
    folder_.write("hub/models--org--name/blobs/" + kHash, content);
    repository().link(kCommit, file);
    return file;
  }

  TemporaryFolder folder_;
  Settings settings_{.cache = folder_.path() / "hub", .own_cache = folder_.path() / "own"};
};

TEST_F(Cache, HasPythonsLayout) {
  const RemoteFile file = add("unet/deep/config.json", "hello");
  repository().write_ref("refs/pr/1", kCommit);
  repository().write_ref("main", kCommit);
  repository().write_ref(kCommit, kCommit);
  const fs::path root = folder_ / "hub/models--org--name";
  EXPECT_EQ(fs::read_symlink(root / "snapshots" / kCommit / "unet/deep/config.json"),
            "../../../../blobs/" + kHash);
  EXPECT_EQ(bytes_of(root / "snapshots" / kCommit / "unet/deep/config.json"), "hello");
  EXPECT_EQ(bytes_of(root / "refs/main"), kCommit);
  EXPECT_EQ(bytes_of(root / "refs/refs/pr/1"), kCommit);
  EXPECT_FALSE(fs::exists(root / "refs" / kCommit));
  EXPECT_EQ(repository().lock_file(file),
            folder_ / ("hub/.locks/models--org--name/" + kHash + ".lock"));
  EXPECT_THAT(bytes_of(folder_ / "hub/CACHEDIR.TAG"),
              ::testing::StartsWith("Signature: 8a477f597d28d172789f06886806bc55"));
  EXPECT_TRUE(repository().has(kCommit, file));
  EXPECT_EQ(repository().commit_of("main"), kCommit);
  EXPECT_EQ(repository().commit_of("v2"), std::nullopt);
}

TEST_F(Cache, MovesFilesWhereThereAreNoLinks) {
  settings_.symlinks = false;
  const RemoteFile file = add("config.json", "hello");
  const fs::path path = repository().snapshot(kCommit) / "config.json";
  EXPECT_TRUE(fs::is_regular_file(fs::symlink_status(path)));
  EXPECT_TRUE(repository().has(kCommit, file));
}

TEST_F(Cache, LinksAFileForSeveralAtOnce) {
  const RemoteFile file = add("config.json");
  std::vector<std::jthread> others;
  for (int i = 0; i < 4; ++i)
    others.emplace_back([&] {
      for (int n = 0; n < 500; ++n) EXPECT_NO_THROW(repository().link(kCommit, file));
    });
  others.clear();
  EXPECT_TRUE(repository().has(kCommit, file));
  EXPECT_EQ(std::distance(fs::directory_iterator(repository().snapshot(kCommit)), {}), 1)
      << "something unfinished is left";
}

TEST_F(Cache, TakesAFileThatAnotherProgramMoved) {
  settings_.symlinks = false;
  const RemoteFile file = add("config.json");
  EXPECT_NO_THROW(repository().link(kCommit, file));
  expect_error([&] { repository().link(kCommit, {.path = "b", .size = 1, .hash = kHash}); },
               ErrorCode::io, {"cannot be moved"});
}

TEST_F(Cache, WritesNothingThroughALinkThatLeadsOut) {
  fs::create_directories(folder_ / "victim");
  fs::create_directories(folder_ / ("hub/models--org--name/snapshots/" + kCommit));
  fs::create_directory_symlink(folder_ / "victim",
                               folder_ / ("hub/models--org--name/snapshots/" + kCommit + "/unet"));
  expect_error([&] { add("unet/config.json"); }, ErrorCode::io, {"leads out of"});
  EXPECT_TRUE(fs::is_empty(folder_ / "victim"));
}

TEST_F(Cache, RefusesAFolderThatIsALinkOut) {
  fs::create_directories(folder_ / "victim");
  fs::create_directories(folder_ / "hub/models--org--name");
  fs::create_directory_symlink(folder_ / "victim", folder_ / "hub/models--org--name/blobs");
  expect_error([&] { repository().create(); }, ErrorCode::io, {"leads out of"});
}

TEST_F(Cache, ReadsNothingThroughALinkThatLeadsOut) {
  const RemoteFile file = add("unet/config.json", "hello");
  add("a.safetensors", "other");
  repository().write_ref("main", kCommit);
  folder_.write("secret", "hello");
  const fs::path link = repository().snapshot(kCommit) / "unet/config.json";
  fs::remove(link);
  fs::create_symlink(folder_ / "secret", link);
  const auto find = [&] { (void)find_in_cache(settings_, {.id = "org/name"}); };
  expect_error(find, ErrorCode::io, {link.string(), "secret", "outside of the cache"});
  EXPECT_TRUE(find_in_cache(settings_, {.id = "org/name", .file = "a.safetensors"}).complete());
  expect_error(
      [&] { (void)find_in_cache(settings_, {.id = "org/name", .file = "unet/config.json"}); },
      ErrorCode::io, {link.string()});
  repository().remove_links_out(kCommit);
  EXPECT_FALSE(repository().has(kCommit, file));
  EXPECT_TRUE(fs::exists(folder_ / "secret"));
  EXPECT_NO_THROW(find());
}

TEST_F(Cache, ReadsNothingThroughABlobAFolderOrAReferenceThatLeadsOut) {
  const RemoteFile file = add("unet/config.json", "hello");
  repository().write_ref("main", kCommit);
  folder_.write("outside/config.json", "hello");
  const auto find = [&] { (void)find_in_cache(settings_, {.id = "org/name"}); };
  fs::remove(repository().blob(file));
  fs::create_symlink(folder_ / "outside/config.json", repository().blob(file));
  expect_error(find, ErrorCode::io, {"unet/config.json", "outside of the cache"});
  repository().remove_links_out(kCommit);
  EXPECT_FALSE(fs::is_symlink(repository().blob(file)));
  fs::remove_all(repository().snapshot(kCommit) / "unet");
  fs::create_directory_symlink(folder_ / "outside", repository().snapshot(kCommit) / "unet");
  expect_error(find, ErrorCode::io, {"unet", "outside of the cache"});
  const fs::path ref = folder_ / "hub/models--org--name/refs/main";
  fs::remove(ref);
  fs::create_symlink(folder_ / "outside/config.json", ref);
  expect_error(find, ErrorCode::io, {"refs/main", "outside of the cache"});
}

TEST_F(Cache, MayLieOnAnotherDisk) {
  add("a.safetensors");
  repository().write_ref("main", kCommit);
  fs::create_directories(folder_ / "disk");
  fs::rename(folder_ / "hub/models--org--name", folder_ / "disk/model");
  fs::create_directory_symlink(folder_ / "disk/model", folder_ / "hub/models--org--name");
  EXPECT_TRUE(find_in_cache(settings_, {.id = "org/name"}).complete());
  fs::rename(folder_ / "hub", folder_ / "disk/hub");
  fs::create_directory_symlink(folder_ / "disk/hub", folder_ / "hub");
  EXPECT_TRUE(find_in_cache(settings_, {.id = "org/name"}).complete());
}

TEST_F(Cache, RefusesAReferenceThatIsNoCommit) {
  for (const char* ref : {"../../x", "main", ""}) {
    folder_.write("hub/models--org--name/refs/main", ref);
    expect_error([&] { (void)repository().commit_of("main"); }, ErrorCode::corrupt_file,
                 {"40 hexadecimal digits"});
  }
  folder_.write("hub/models--org--name/refs/main", std::string(100, 'a'));
  expect_error([&] { (void)repository().commit_of("main"); }, ErrorCode::corrupt_file, {"at most"});
}

TEST_F(Cache, FindsAFileAndNamesOneThatIsMissing) {
  add("a.safetensors");
  repository().write_ref("main", kCommit);
  EXPECT_TRUE(find_in_cache(settings_, {.id = "org/name", .file = "a.safetensors"}).complete());
  EXPECT_TRUE(find_in_cache(settings_, {.id = "org/name"}).complete());
  const Found other = find_in_cache(settings_, {.id = "org/name", .file = "b.safetensors"});
  EXPECT_THAT(other.missing, ElementsAre("b.safetensors"));
  EXPECT_TRUE(find_in_cache(settings_, {.id = "org/other"}).path.empty());
  EXPECT_TRUE(find_in_cache(settings_, {.id = "org/name", .revision = "v2"}).path.empty());
}

constexpr const char* kIndex = R"({"unet": ["diffusers", "UNet2DConditionModel"],
  "vae": ["diffusers", "AutoencoderKL"], "tokenizer": ["transformers", "CLIPTokenizer"],
  "text_encoder_2": [null, null], "safety_checker": ["x", "y"]})";

TEST(MissingFiles, AreNamed) {
  const TemporaryFolder folder;
  EXPECT_THAT(missing_files(folder.path()), ElementsAre("model_index.json"));
  folder.write("model_index.json", kIndex);
  EXPECT_THAT(missing_files(folder.path()),
              ElementsAre("tokenizer/vocab.json", "tokenizer/merges.txt", "unet/config.json",
                          "unet/*.safetensors", "vae/config.json", "vae/*.safetensors"));
  for (const char* name : {"tokenizer/tokenizer.json", "unet/config.json", "vae/config.json",
                           "vae/diffusion_pytorch_model.fp16.safetensors"}) {
    folder.write(name, "{}");
  }
  folder.write("unet/diffusion_pytorch_model.safetensors.index.json",
               R"({"weight_map": {"x": "a-1.safetensors", "y": "a-2.safetensors"}})");
  folder.write("unet/a-1.safetensors", "x");
  EXPECT_THAT(missing_files(folder.path()), ElementsAre("unet/a-2.safetensors"));
  folder.write("unet/a-2.safetensors", "x");
  EXPECT_THAT(missing_files(folder.path()), IsEmpty());
}

}  // namespace
}  // namespace streamdiffusion::hub
