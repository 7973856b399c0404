// Names that are written into addresses and folders.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/file_url.h"
#include "base/hub_folder.h"
#include "base/percent_encode.h"
#include "support/errors.h"

namespace streamdiffusion::base {
namespace {

TEST(PercentEncode, EscapesAllButUnreservedCharacters) {
  EXPECT_EQ(percent_encode("aZ09-._~"), "aZ09-._~");
  EXPECT_EQ(percent_encode("a b/c+%\xC3\xA9"), "a%20b%2Fc%2B%25%C3%A9");
  EXPECT_EQ(percent_encode(std::string_view("\0\x7F", 2)), "%00%7F");
}

TEST(PercentEncode, KeepsWhatIsAskedFor) {
  EXPECT_EQ(percent_encode("unet/a b.json", "/"), "unet/a%20b.json");
}

TEST(PercentEncode, IsDecoded) {
  EXPECT_EQ(percent_decode("a%20b%2fc%C3%A9+"), "a b/c\xC3\xA9+");
  EXPECT_EQ(percent_decode("a+b", true), "a b");
  for (const char* bad : {"%", "%2", "a%2x", "%%20"}) EXPECT_FALSE(percent_decode(bad)) << bad;
}

TEST(FileUrl, IsThePathThatItNames) {
  for (const char* path : {"a.mp4", "/a/b.mp4", "http://a/b", "files:a", "a/file:b", "-", ""})
    EXPECT_EQ(path_of(path), path);
  EXPECT_EQ(path_of("file:a%20b.mp4"), "a b.mp4");
  EXPECT_EQ(path_of("file:../a.mp4"), "../a.mp4");
  EXPECT_EQ(path_of("FILE:/a/b"), "/a/b");
  EXPECT_EQ(path_of("file:///a%25/b?c#d"), "/a%/b?c#d");
  EXPECT_EQ(path_of("file://LocalHost/a"), "/a");
}

TEST(FileUrl, WhatNamesNoFileHereIsRefused) {
  using streamdiffusion::testing::error_of;
  EXPECT_THAT(error_of([] { path_of("file://server/a"); }), ::testing::HasSubstr("\"server\""));
  EXPECT_THAT(error_of([] { path_of("file://a.mp4"); }), ::testing::HasSubstr("\"a.mp4\""));
  for (const char* bad :
       {"file:", "file://", "file://localhost", "file:a%", "file:a%zz", "file:%00"})
    EXPECT_NE(error_of([&] { path_of(bad); }), "") << bad;
}

TEST(HubFolder, NamesARepositoryAndBack) {
  EXPECT_EQ(hub_folder("stabilityai/sd-turbo"), "models--stabilityai--sd-turbo");
  EXPECT_EQ(hub_repository("models--stabilityai--sd-turbo"), "stabilityai/sd-turbo");
  EXPECT_EQ(hub_folder("gpt2"), "models--gpt2");
  EXPECT_EQ(hub_repository("models--gpt2"), "gpt2");
}

TEST(HubFolder, KeepsDashesInNames) {
  EXPECT_EQ(hub_repository("models--org--a--b"), "org/a--b");
}

TEST(HubFolder, IsEmptyForOtherFolders) {
  for (const char* folder : {"", "models--", "models-a", "datasets--org--name", "snapshots"}) {
    EXPECT_EQ(hub_repository(folder), "") << folder;
  }
}

}  // namespace
}  // namespace streamdiffusion::base
