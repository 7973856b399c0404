// page.json of a model's folder: what is passed on, and what is refused by name.
#include "server/page_hints.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "streamdiffusion/error.h"
#include "support/temporary_folder.h"

namespace streamdiffusion::server {
namespace {

using ::testing::HasSubstr;

class PageHints : public ::testing::Test {
 protected:
  std::string read(const std::string& text) const {
    folder_.write("page.json", text);
    return read_page_hints(folder_.path());
  }
  void refuses(const std::string& text, const std::string& what) const {
    try {
      read(text);
      ADD_FAILURE() << text << " was accepted";
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::corrupt_file);
      EXPECT_THAT(error.what(), HasSubstr("page.json"));
      EXPECT_THAT(error.what(), HasSubstr(what)) << text;
    }
  }
  testing::TemporaryFolder folder_;
};

TEST_F(PageHints, AFolderWithoutTheFileHasNone) {
  EXPECT_EQ(read_page_hints(folder_.path()), "{}");
  EXPECT_EQ(read_page_hints(""), "{}");
}

TEST_F(PageHints, AValidFileIsPassedOnAsItIs) {
  const std::string text =
      R"({"concepts": ["cat"], "opening": [], "trained_side": 256,
          "translations": {"de": {"cat": "Katze"}},
          "camera": {"prompt": "face", "strength": 0.8, "concepts": ["robot"], "note": "hm"},
          "strength": {"curve": [[0, 0], [0.5, 0.8], [1, 1]], "best": [0.3, 0.5]}})";
  EXPECT_EQ(nlohmann::json::parse(read(text)), nlohmann::json::parse(text));
}

TEST_F(PageHints, WrongValuesAreNamed) {
  refuses("{", "not valid JSON");
  refuses("[]", "object");
  refuses(R"({"concept": []})", "concept");
  refuses(R"({"concepts": [1]})", "concepts");
  refuses(R"({"opening": "cat"})", "opening");
  refuses(R"({"camera": {"strength": 1.5}})", "from 0 to 1");
  refuses(R"({"camera": {"prompt": 7}})", "prompt");
  refuses(R"({"strength": {"best": [0.5]}})", "two numbers");
  refuses(R"({"strength": {"best": [0.5, 0.2]}})", "smaller number first");
  refuses(R"({"strength": {"curve": [[0, 0]]}})", "at least two");
  refuses(R"({"strength": {"curve": [[0, 0], [0.5, 0]]}})", "larger numbers");
  refuses(R"({"thumbnails": {"cat": "https://example.org/cat.png"}})", "data:image/");
  refuses(R"({"thumbnails": []})", "thumbnails");
  refuses(R"({"trained_side": 0})", "trained_side");
  refuses(R"({"translations": {"de": ["Katze"]}})", "an object of strings");
  refuses("{\"concepts\": [\"" + std::string(1100000, 'a') + "\"]}", "1048576");
}

TEST_F(PageHints, WordsAreObjectsOfStrings) {
  const auto read_words = [this](const std::string& text) {
    folder_.write("words.json", text);
    return read_page_words(folder_.path());
  };
  EXPECT_EQ(read_page_words(""), "{}");
  EXPECT_EQ(read_words(R"({"emoji": {"x": "cat"}})"), R"({"emoji": {"x": "cat"}})");
  for (const char* text : {"[]", R"({"emoji": []})", R"({"emoji": {"x": 1}})"}) {
    EXPECT_THROW(read_words(text), Error) << text;
  }
}

TEST_F(PageHints, TheIncludedModelHasAValidFile) {
  const auto hints = nlohmann::json::parse(read_page_hints(SD_SOURCE_DIR "/models/pictogram"));
  EXPECT_FALSE(hints["concepts"].empty());
  EXPECT_FALSE(hints["strength"]["curve"].empty());
}

}  // namespace
}  // namespace streamdiffusion::server
