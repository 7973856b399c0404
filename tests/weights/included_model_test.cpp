// Where the included model is found from.
#include "weights/included_model.h"

#include <gtest/gtest.h>

#include "support/temporary_folder.h"

namespace streamdiffusion::weights {
namespace {

namespace fs = std::filesystem;

TEST(IncludedModel, IsFoundFromALibraryFolderThatIsALink) {
  const testing::TemporaryFolder folder;
  const fs::path root = fs::canonical(folder.path());
  const fs::path model = root / "usr/share/streamdiffusion/models/pictogram";
  fs::create_directories(model);
  fs::create_directories(root / "usr/lib/x86_64-linux-gnu");
  fs::create_directory_symlink("usr/lib", root / "lib");
  EXPECT_EQ(included_model(root / "lib/x86_64-linux-gnu"), "");
  folder.write("usr/share/streamdiffusion/models/pictogram/model_index.json", "{}");
  for (const char* from : {"lib/x86_64-linux-gnu", "usr/lib/x86_64-linux-gnu", "lib", "usr/lib",
                           "usr/lib/x86_64-linux-gnu/gstreamer-1.0"})
    EXPECT_EQ(included_model(root / from), model.string()) << from;
}

TEST(IncludedModel, IsFoundFromTheBuildTree) {
  const testing::TemporaryFolder folder;
  const fs::path root = fs::canonical(folder.path());
  folder.write("models/pictogram/model_index.json", "{}");
  for (const char* from : {"build/release", "build/release/plugins/gstreamer"})
    EXPECT_EQ(included_model(root / from), (root / "models/pictogram").string()) << from;
}

}  // namespace
}  // namespace streamdiffusion::weights
