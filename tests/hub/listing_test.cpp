// The hub's answers, true and lying.
#include "hub/listing.h"

#include <gtest/gtest.h>

#include "support/errors.h"

namespace streamdiffusion::hub {
namespace {

using base::ErrorCode;
using testing::expect_error;

const std::string kSha1(40, 'a'), kSha256(64, 'b');

json::Json parse(const std::string& text) {
  return json::Json::parse(text, "page");
}

std::vector<RemoteFile> files(const std::string& page) {
  std::vector<RemoteFile> all;
  parse_tree_page(parse(page), all);
  return all;
}

std::string file(const std::string& path, const std::string& size = "3",
                 const std::string& oid = kSha1) {
  return R"({"type": "file", "path": ")" + path + R"(", "size": )" + size + R"(, "oid": ")" + oid +
         R"("})";
}

TEST(TreePage, GivesSizeAndHashOfSmallAndLargeFiles) {
  const auto all =
      files(R"([{"type": "directory", "path": "unet", "oid": ")" + kSha1 + R"(", "size": 0}, )" +
            file("unet/config.json") +
            R"(, {"type": "file", "path": "unet/w.safetensors", "size": 7, "oid": ")" + kSha1 +
            R"(", "lfs": {"oid": ")" + kSha256 + R"(", "size": 7, "pointerSize": 130}}])");
  ASSERT_EQ(all.size(), 2U);
  EXPECT_EQ(all[0].path, "unet/config.json");
  EXPECT_EQ(all[0].kind, HashKind::git_sha1);
  EXPECT_EQ(all[0].size, 3U);
  EXPECT_EQ(all[1].kind, HashKind::sha256);
  EXPECT_EQ(all[1].hash, kSha256);
  EXPECT_EQ(all[1].size, 7U);
}

TEST(TreePage, ThatLiesIsRefused) {
  for (const char* path : {"../x", "/etc/passwd", "a/../../x", "a\\\\b", ""}) {
    expect_error([&] { files("[" + file(path) + "]"); }, ErrorCode::corrupt_file, {"is refused"});
  }
  expect_error([&] { files("[" + file("a") + "," + file("a") + "]"); }, ErrorCode::corrupt_file,
               {"stands there twice"});
  for (const char* size : {"-1", "1e300", "9007199254740993000", "\"3\"", "null"}) {
    expect_error([&] { files("[" + file("a", size) + "]"); }, ErrorCode::corrupt_file, {"size"});
  }
  for (const std::string& oid : {std::string("../../x"), kSha256, std::string(40, 'G')}) {
    expect_error([&] { files("[" + file("a", "3", oid) + "]"); }, ErrorCode::corrupt_file,
                 {"40 hexadecimal digits"});
  }
  expect_error([] { files("{}"); }, ErrorCode::corrupt_file, {"an array of files"});
}

TEST(NextPage, IsAskedOfTheEndpointAlone) {
  const std::string endpoint = "http://mirror";
  EXPECT_EQ(next_page("", endpoint), "");
  EXPECT_EQ(next_page(R"(<https://hub/api/models/a/b/tree/c?cursor=2>; rel="next")", endpoint),
            "http://mirror/api/models/a/b/tree/c?cursor=2");
  EXPECT_EQ(next_page(R"(<https://x/y>; rel="prev", <https://hub/api/p>; rel="next")", endpoint),
            "http://mirror/api/p");
  EXPECT_EQ(next_page(R"(<https://hub/api/p>; rel="last")", endpoint), "");
  expect_error([&] { next_page(R"(<file:///etc/passwd>; rel="next")", endpoint); },
               ErrorCode::corrupt_file, {"/api/"});
}

TEST(RepositoryAnswer, NamesCommitAndLicense) {
  const auto info =
      parse_repository_info(parse(R"({"id": "a/b", "sha": ")" + kSha1 +
                                  R"(", "gated": "auto", "tags": ["x", "license:mit"]})"));
  EXPECT_EQ(info.commit, kSha1);
  EXPECT_EQ(info.license, "mit");
  EXPECT_TRUE(info.gated);
  expect_error([] { parse_repository_info(parse(R"({"id": "a/b", "sha": "../x"})")); },
               ErrorCode::corrupt_file, {"40 hexadecimal digits"});
  expect_error([] { parse_repository_info(parse(R"({"id": "/x", "sha": ")" + kSha1 + R"("})")); },
               ErrorCode::corrupt_file, {"ORG/NAME"});
}

std::string civitai(const std::string& name, const std::string& format,
                    const std::string& url = "https://c/1") {
  return R"({"name": "v1", "modelId": 4384, "baseModel": "SD 1.5", "files": [{"name": ")" + name +
         R"(", "sizeKB": 1.5, "metadata": {"format": ")" + format +
         R"("}, "hashes": {"SHA256": ")" + std::string(64, 'B') + R"("}, "downloadUrl": ")" + url +
         R"("}]})";
}

TEST(CivitaiAnswer, GivesTheSafetensorsFile) {
  const auto version = parse_civitai_version(parse(civitai("ink.safetensors", "SafeTensor")));
  EXPECT_EQ(version.base_model, "SD 1.5");
  EXPECT_EQ(version.model, "4384");
  EXPECT_EQ(version.file.size, 1536U);
  EXPECT_EQ(version.file.hash, kSha256);
  expect_error([] { parse_civitai_version(parse(civitai("ink.ckpt", "PickleTensor"))); },
               ErrorCode::unsupported, {"pickle"});
  expect_error([] { parse_civitai_version(parse(civitai("../a.safetensors", "SafeTensor"))); },
               ErrorCode::corrupt_file, {"is refused"});
  expect_error([] { parse_civitai_version(parse(civitai("a/b.safetensors", "SafeTensor"))); },
               ErrorCode::corrupt_file, {"a plain file name"});
  expect_error(
      [] { parse_civitai_version(parse(civitai("a.safetensors", "SafeTensor", "file:///x"))); },
      ErrorCode::corrupt_file, {"an address"});
}

}  // namespace
}  // namespace streamdiffusion::hub
