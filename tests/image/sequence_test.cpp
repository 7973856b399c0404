// Folders and patterns as image sequences.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "base/error.h"
#include "base/log.h"
#include "image/contact_sheet.h"
#include "image/image_sequence.h"
#include "image/npy.h"
#include "support/errors.h"
#include "support/temporary_folder.h"

namespace streamdiffusion::image {
namespace {

namespace fs = std::filesystem;

class SequenceTest : public ::testing::Test {
 protected:
  SequenceTest() {
    for (const char* name : {"f10.png", "f2.png", "f1.JPG", "notes.txt"})
      temporary_.write(name, "x");
  }
  const streamdiffusion::testing::TemporaryFolder temporary_;
  const fs::path folder_ = temporary_.path();
};

TEST_F(SequenceTest, AFolderGivesItsImagesInNaturalOrder) {
  temporary_.write("f3.WebP", "x");
  temporary_.write(".f4.png", "x");
  EXPECT_THAT(expand_inputs({folder_.string()}),
              ::testing::ElementsAre(folder_ / "f1.JPG", folder_ / "f2.png", folder_ / "f3.WebP",
                                     folder_ / "f10.png"));
}

TEST_F(SequenceTest, WhatIsLeftOutIsSaidOnceWithItsNumber) {
  std::vector<std::string> said;
  base::set_log_callback(
      [&](base::LogLevel, std::string_view message) { said.emplace_back(message); });
  const std::string folder = folder_.string(), all = (folder_ / "*").string();
  expand_inputs({folder});
  fs::create_directory(folder_ / "deeper");
  expand_inputs({all});
  fs::create_directory(folder_ / "none");
  fs::copy_file(folder_ / "notes.txt", folder_ / "none/notes.txt");
  EXPECT_EQ(
      streamdiffusion::testing::error_of([&] { expand_inputs({(folder_ / "none").string()}); }),
      (folder_ / "none").string() +
          ": no image, but 1 file that is not read as an image "
          "(notes.txt)");
  base::set_log_callback({});
  EXPECT_THAT(said, ::testing::ElementsAre(
                        folder + ": left out 1 file that is not read as an image (notes.txt)",
                        all + ": left out 1 file that is not read as an image (notes.txt) "
                              "and 1 folder"));
}

TEST_F(SequenceTest, APatternGivesItsMatches) {
  EXPECT_THAT(expand_inputs({(folder_ / "*.png").string()}),
              ::testing::ElementsAre(folder_ / "f2.png", folder_ / "f10.png"));
}

TEST_F(SequenceTest, WhatMatchesNothingIsNamed) {
  for (const std::string& input :
       {(folder_ / "g*.png").string(), (folder_ / "none.png").string()}) {
    try {
      expand_inputs({input});
      FAIL() << "did not throw";
    } catch (const base::Error& error) {
      EXPECT_EQ(error.code(), base::ErrorCode::not_found);
      EXPECT_THAT(error.what(), ::testing::HasSubstr(input));
    }
  }
}

TEST(OutputPath, IsTheFileForOneImageAndElseAFolder) {
  EXPECT_EQ(output_path("a.png", 0, 1), "a.png");
  EXPECT_EQ(output_path("out", 0, 1), "out/000000.png");
  EXPECT_EQ(output_path("out", 12, 20), "out/000012.png");
}

TEST(NaturalLess, ComparesNumbersAsNumbers) {
  EXPECT_TRUE(natural_less("a2", "a10"));
  EXPECT_FALSE(natural_less("a10", "a2"));
  EXPECT_TRUE(natural_less("a09", "a10"));
  EXPECT_FALSE(natural_less("a", "a"));
  EXPECT_TRUE(natural_less("a", "a1"));
}

TEST_F(SequenceTest, NpyHeaderSaysWhatTheFileHolds) {
  const std::int64_t shape[]{2, 3};
  const float values[]{1, 2, 3, 4, 5, 6};
  write_npy(folder_ / "a.npy", shape, values);
  std::ifstream file(folder_ / "a.npy", std::ios::binary);
  const std::string text((std::istreambuf_iterator<char>(file)), {});
  EXPECT_THAT(text, ::testing::HasSubstr("'shape': (2, 3, )"));
  EXPECT_EQ((text.size() - sizeof values) % 64, 0U);
}

TEST(ContactSheet, HasEveryInputAboveItsOutput) {
  const Image black{8, 8, std::vector<std::uint8_t>(192, 0)},
      red{8, 8, std::vector<std::uint8_t>(192, 90)};
  const Image sheet = contact_sheet({black, black, black}, {red, red, red}, 2, 16);
  EXPECT_EQ(sheet.width, 6 + 2 * 22);
  const auto at = [&](int x, int y) {
    return sheet.rgb[3 * (static_cast<std::size_t>(y) * static_cast<std::size_t>(sheet.width) +
                          static_cast<std::size_t>(x))];
  };
  EXPECT_EQ(at(14, 14), 0);
  EXPECT_EQ(at(14, 14 + 22), 90);
  const Image alone = contact_sheet({}, {red, red, red}, 2, 16);
  EXPECT_EQ(alone.height, sheet.height - 2 * 22) << "no line of inputs";
  EXPECT_EQ(alone.rgb[3 * static_cast<std::size_t>(14 * alone.width + 14)], 90);
  EXPECT_THROW(contact_sheet({black}, {}, 2, 16), base::Error);
  EXPECT_THROW(contact_sheet({black}, {red, red}, 2, 16), base::Error);
}

}  // namespace
}  // namespace streamdiffusion::image
