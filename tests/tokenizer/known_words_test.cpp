// What is said of words that a model was not taught.
#include "streamdiffusion/known_words.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/edit_distance.h"
#include "base/error.h"
#include "support/temporary_folder.h"

namespace streamdiffusion {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class Concepts : public ::testing::Test {
 protected:
  KnownWords read(const std::string& text) const {
    folder_.write("concepts.json", text);
    return read_known_words(folder_.path().string());
  }
  testing::TemporaryFolder folder_;
};

TEST_F(Concepts, AFolderWithoutTheFileKnowsNoWords) {
  EXPECT_TRUE(read_known_words(folder_.path().string()).empty());
}

TEST_F(Concepts, ListsThatAreMissingAreEmpty) {
  const KnownWords known = read(R"({"concepts": ["apple", "house"]})");
  EXPECT_THAT(known.concepts, ElementsAre("apple", "house"));
  EXPECT_TRUE(known.styles.empty());
}

TEST_F(Concepts, AnythingElseIsRefusedByName) {
  try {
    read(R"({"concepts": 5})");
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::corrupt_file);
    EXPECT_THAT(error.what(), HasSubstr("concepts"));
  }
}

TEST(KnownWords, OthersAreNamedWithNearOnes) {
  const KnownWords known{{"red apple", "house", "christmas tree"}, {"3d render"}, {"blue"}};
  EXPECT_TRUE(unknown_words(known, "a blue house, 3D render, two apples").empty());
  const auto unknown = unknown_words(known, "blue aple, huose; zzzzzz aple");
  ASSERT_EQ(unknown.size(), 3U);
  EXPECT_EQ(unknown[0].word, "aple");
  EXPECT_THAT(unknown[0].near, ElementsAre("apple"));
  EXPECT_THAT(unknown[1].near, ElementsAre("house"));
  EXPECT_TRUE(unknown[2].near.empty());
  EXPECT_TRUE(unknown_words({}, "anything goes").empty());
}

TEST(KnownWords, PluralsAreKnown) {
  const KnownWords known{{"box", "strawberry", "maple leaf", "kitchen knife", "fireman"}, {}, {}};
  EXPECT_TRUE(unknown_words(known, "boxes, strawberries, leaves, knives, firemen").empty());
  EXPECT_EQ(unknown_words(known, "berries, ves, men").size(), 3U);
}

TEST(EditDistance, CountsSwapsOnce) {
  EXPECT_EQ(base::edit_distance("", "abc"), 3);
  EXPECT_EQ(base::edit_distance("huose", "house"), 1);
  EXPECT_EQ(base::edit_distance("kitten", "sitting"), 3);
}

TEST(UnknownWords, WhiteSpaceOfEveryScriptParts) {
  const KnownWords known{.concepts = {"apple"}, .styles = {}, .colors = {"red"}};
  EXPECT_TRUE(unknown_words(known, "red\u3000apple").empty());
  EXPECT_TRUE(unknown_words(known, "\u3000").empty());
  ASSERT_EQ(unknown_words(known, "red\u00a0りんご").size(), 1U);
  EXPECT_EQ(unknown_words(known, "red\u00a0りんご")[0].word, "りんご");
}

}  // namespace
}  // namespace streamdiffusion
