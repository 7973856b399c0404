// The list of a folder's files that the program wrote itself.
#include "base/written_files.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "base/file_writer.h"
#include "base/log.h"
#include "support/errors.h"
#include "support/temporary_folder.h"

namespace streamdiffusion::base {
namespace {

namespace fs = std::filesystem;
using streamdiffusion::testing::error_of;
using streamdiffusion::testing::TemporaryFolder;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

const std::string kStrange = "a b\n%2e%.png";

TEST(WrittenFiles, OnlyWhatTheProgramWroteIsItsOwn) {
  const TemporaryFolder folder;
  {
    WrittenFiles files(folder.path());
    for (const std::string& name : {std::string("a.png"), kStrange, std::string("b.png")})
      files.add(folder.write(name, "mine"));
  }
  folder.write("theirs.png", "mine");
  const WrittenFiles files(folder.path());
  EXPECT_TRUE(files.owns("a.png"));
  EXPECT_TRUE(files.owns(kStrange));
  EXPECT_FALSE(files.owns("theirs.png"));
  EXPECT_FALSE(files.owns("missing.png"));
  files.refuse_others({"a.png", kStrange, "missing.png"});
  EXPECT_THAT(error_of([&] {
                files.refuse_others({"a.png", "theirs.png"});
              }),
              AllOf(HasSubstr(folder.path().string() + ": "), HasSubstr("theirs.png"),
                    Not(HasSubstr("a.png,"))));
}

TEST(WrittenFiles, TwoListsOfOneFolderKeepEachOthersLines) {
  const TemporaryFolder folder;
  WrittenFiles first(folder.path()), second(folder.path());
  first.add(folder.write("a.png", "mine"));
  second.add(folder.write("b.png", "mine"));
  first.add(folder.write("c.png", "mine"));
  WrittenFiles(folder.path()).refuse_others({"a.png", "b.png", "c.png"});
}

TEST(WrittenFiles, AFileThatChangedIsNotTheProgramsAnyMore) {
  const TemporaryFolder folder;
  WrittenFiles files(folder.path());
  for (const char* name : {"edited.png", "touched.png", "linked.png", "kept.png"})
    files.add(folder.write(name, "mine"));
  folder.write("edited.png", "mine no more");
  fs::last_write_time(folder / "touched.png",
                      fs::file_time_type::clock::now() + std::chrono::seconds(2));
  fs::rename(folder / "linked.png", folder / "elsewhere");
  fs::create_symlink("elsewhere", folder / "linked.png");
  const WrittenFiles again(folder.path());
  for (const char* name : {"edited.png", "touched.png", "linked.png"})
    EXPECT_FALSE(again.owns(name)) << name;
  EXPECT_TRUE(again.owns("kept.png"));
}

TEST(WrittenFiles, ALyingListNamesNothingElsewhere) {
  const TemporaryFolder folder;
  fs::create_directory(folder / "out");
  WrittenFiles outside(folder.path());
  outside.add(folder.write("a.png", "precious"));
  std::ifstream list(folder / WrittenFiles::kListName);
  std::string text{std::istreambuf_iterator<char>(list), {}};
  const std::size_t name = text.rfind("a.png");
  for (const char* lie : {"../a.png", "..%2Fa.png"}) {
    folder.write("out/.streamdiffusion", text.substr(0, name) + lie + "\n\n 1 2 3\n\xff");
    const WrittenFiles files(folder / "out");
    EXPECT_FALSE(files.owns("../a.png"));
    EXPECT_FALSE(files.owns("a.png"));
  }
}

TEST(WrittenFiles, AListThatCannotBeUsedIsToldOnce) {
  const TemporaryFolder folder;
  fs::create_directory(folder / WrittenFiles::kListName);
  std::vector<std::string> said;
  set_log_callback([&](LogLevel, std::string_view line) { said.emplace_back(line); });
  WrittenFiles files(folder.path());
  files.add(folder.write("a.png", "mine"));
  files.add(folder.write("b.png", "mine"));
  set_log_callback({});
  EXPECT_THAT(said, ::testing::ElementsAre(HasSubstr("will not replace")));
  EXPECT_FALSE(WrittenFiles(folder.path()).owns("a.png"));
}

TEST(WrittenFiles, ALinkInPlaceOfTheListLeadsNowhere) {
  const TemporaryFolder folder;
  const fs::path precious = folder.write("precious", "text");
  fs::create_directory(folder / "out");
  fs::create_symlink(precious, folder / "out/.streamdiffusion");
  WrittenFiles files(folder / "out");
  files.add(folder.write("out/a.png", "mine"));
  std::ifstream kept(precious);
  EXPECT_EQ((std::string{std::istreambuf_iterator<char>(kept), {}}), "text");
}

TEST(WrittenFiles, WhatIsGoneLeavesTheList) {
  const TemporaryFolder folder;
  for (int run = 0; run < 3; ++run) {
    WrittenFiles files(folder.path());
    for (int i = 0; i < 100; ++i)
      files.add(folder.write(std::to_string(i) + ".png", std::to_string(run)));
  }
  EXPECT_LT(fs::file_size(folder / WrittenFiles::kListName), 20'000U);
}

}  // namespace
}  // namespace streamdiffusion::base
