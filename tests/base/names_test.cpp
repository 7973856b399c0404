// Names that are written into addresses and folders.
#include <gtest/gtest.h>

#include "base/hub_folder.h"
#include "base/percent_encode.h"

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
