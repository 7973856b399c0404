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
        folder / "shallow/a.png", folder / "hard.png", fs::relative(file).string()}) {
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

}  // namespace
}  // namespace streamdiffusion::base
