// One file under many names.
#include "base/same_file.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "support/errors.h"
#include "support/temporary_folder.h"

namespace streamdiffusion::base {
namespace {

namespace fs = std::filesystem;
using streamdiffusion::testing::error_of;
using streamdiffusion::testing::expect_error;
using streamdiffusion::testing::TemporaryFolder;

TEST(SameFile, IsKnownUnderEveryName) {
  const TemporaryFolder folder;
  const fs::path file = folder.write("deep/a.png", "x");
  const fs::path other = folder.write("b.png", "x");
  fs::create_symlink(file, folder / "link.png");
  fs::create_directory_symlink(folder / "deep", folder / "shallow");
  fs::create_hard_link(file, folder / "hard.png");
  for (const std::string& name :
       {folder / "deep/a.png", folder / "deep/../deep/./a.png", folder / "link.png",
        folder / "not-yet/../deep/a.png", folder / "shallow/a.png", folder / "hard.png",
        fs::relative(file).string()}) {
    EXPECT_TRUE(is_same_file(file, name)) << name;
    EXPECT_TRUE(is_same_file(name, file)) << name;
  }
  EXPECT_FALSE(is_same_file(file, other));
  EXPECT_FALSE(is_same_file(folder / "none.png", folder / "none.png"));
  EXPECT_FALSE(is_same_file("/dev/null", "/dev/null"));
}

TEST(SameFile, AnOutputThatIsAnInputIsRefusedByBothNames) {
  const TemporaryFolder folder;
  const fs::path a = folder.write("a.png", "x"), b = folder.write("b.png", "x");
  fs::create_symlink(b, folder / "link.png");
  refuse_overwriting({a, b}, {folder / "c.png", folder / "d.png"});
  refuse_overwriting({}, {a});
  expect_error(
      [&] {
        refuse_overwriting({a, b}, {folder / "c.png", folder / "link.png"});
      },
      ErrorCode::invalid_argument, {"link.png: is also the input, ", "b.png; give another output"});
  EXPECT_EQ(error_of([&] { refuse_overwriting({a}, {a}); }),
            a.string() + ": is also the input; give another output");
}

TEST(SameFile, TwoOutputsThatAreOneFileAreRefusedByBothNames) {
  const TemporaryFolder folder;
  folder.write("in/a.json", "x");
  fs::create_symlink(folder / "in/a.json", folder / "link.json");
  fs::create_directory_symlink(folder / "in", folder / "other");
  const std::pair<fs::path, fs::path> alike[]{
      {folder / "in/a.json", folder / "link.json"},
      {folder / "new.json", folder / "./in/../new.json"},
      {folder / "in/new.json", folder / "other/new.json"},
      {folder / "not-yet/new.json", folder / "not-yet/./new.json"},
      {"new.json", fs::current_path() / "new.json"}};
  for (const auto& [a, b] : alike) {
    refuse_writing_twice({a, folder / "b.json", ""});
    expect_error(
        [&, &a = a, &b = b] {
          refuse_writing_twice({a, folder / "b.json", b});
        },
        ErrorCode::invalid_argument, {b.string() + ": would be written twice, as " + a.string()});
  }
  expect_error(
      [] {
        refuse_writing_twice({"-", "/dev/stdout"});
      },
      ErrorCode::invalid_argument, {"/dev/stdout: would be written twice, as -"});
  refuse_writing_twice({"/dev/null", "/dev/null", "", ""});
}

}  // namespace
}  // namespace streamdiffusion::base
