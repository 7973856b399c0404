// Names of repositories, revisions and files.
#include "hub/name.h"

#include <gtest/gtest.h>

#include "support/errors.h"

namespace streamdiffusion::hub {
namespace {

using base::ErrorCode;
using testing::expect_error;

TEST(RepositoryName, HasARevisionAndAFile) {
  const auto plain = parse_repository_name("stabilityai/sd-turbo");
  ASSERT_TRUE(plain);
  EXPECT_EQ(plain->id, "stabilityai/sd-turbo");
  EXPECT_EQ(plain->revision, "main");
  const auto request = parse_repository_name("a/b@refs/pr/1");
  ASSERT_TRUE(request);
  EXPECT_EQ(request->revision, "refs/pr/1");
  const auto file = parse_repository_name("a/b/loras/ink.safetensors@v2");
  ASSERT_TRUE(file);
  EXPECT_EQ(file->id, "a/b");
  EXPECT_EQ(file->file, "loras/ink.safetensors");
  EXPECT_EQ(file->revision, "v2");
}

TEST(RepositoryName, IsWrittenAsItIsRead) {
  for (const char* text : {"a/b", "a/b@v2", "a/b/c.safetensors", "a/b/c/d.safetensors@refs/pr/1"}) {
    EXPECT_EQ(to_string(parse_repository_name(text).value()), text);
  }
}

TEST(RepositoryName, IsNoPath) {
  for (const char* text : {"", "model", "/models/x", "./a/b", "../a/b", "~/a/b", "a/b/c", "a/b/",
                           "models/x.safetensors"}) {
    EXPECT_FALSE(parse_repository_name(text)) << text;
  }
}

TEST(RepositoryName, AgainstTheRulesOfTheHubIsRefused) {
  const std::string longest(100, 'x');
  for (const std::string& text :
       {std::string("a b/c"), std::string("a/b--c"), std::string("a/b..c"), std::string("-a/b"),
        std::string("a/b.git"), "a/" + longest}) {
    expect_error([&] { parse_repository_name(text); }, ErrorCode::invalid_argument,
                 {"ORG/NAME", "no such file or folder"});
  }
  for (const char* text : {"a/b@", "a/b@../x", "a/b@/x", "a/b@x y", "a/b@x:y", "a/b@x\n"}) {
    expect_error([&] { parse_repository_name(text); }, ErrorCode::invalid_argument,
                 {"is no revision"});
  }
  expect_error([] { parse_repository_name("a/b/../c.safetensors"); }, ErrorCode::invalid_argument,
               {"names no file"});
}

TEST(CivitaiName, IsANumber) {
  EXPECT_EQ(parse_civitai_version("civitai:128713"), "128713");
  EXPECT_FALSE(parse_civitai_version("a/b"));
  for (const char* text :
       {"civitai:", "civitai:x", "civitai:../1", "civitai:1234567890123456789"}) {
    expect_error([&] { parse_civitai_version(text); }, ErrorCode::invalid_argument,
                 {"modelVersionId"});
  }
}

TEST(RemotePath, StaysInsideOfItsRepository) {
  check_path("unet/diffusion_pytorch_model.safetensors", "page");
  const std::string long_part(256, 'x');
  for (const std::string& path :
       {std::string("../x"), std::string("a/../../x"), std::string("/etc/passwd"), std::string(""),
        std::string("a//b"), std::string("a/./b"), std::string("a\\b"), std::string("a\nb"),
        std::string("a\0b", 3), long_part, std::string("a/")}) {
    expect_error([&] { check_path(path, "page"); }, ErrorCode::corrupt_file,
                 {"page", "is refused"});
  }
}

TEST(Commit, IsFortyHexadecimalDigits) {
  EXPECT_TRUE(is_commit("0123456789abcdef0123456789abcdef01234567"));
  EXPECT_FALSE(is_commit("0123456789ABCDEF0123456789abcdef01234567"));
  EXPECT_FALSE(is_commit("main"));
}

}  // namespace
}  // namespace streamdiffusion::hub
