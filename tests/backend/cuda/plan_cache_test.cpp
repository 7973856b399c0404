// Plans that are kept on disk: found again, and dropped where a file is damaged.
#include "backend/cuda/plan_cache.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <vector>

#include "base/input_file.h"
#include "base/log.h"
#include "support/temporary_folder.h"

namespace streamdiffusion::backend::cuda {
namespace {

namespace fs = std::filesystem;

class PlanCacheTest : public ::testing::Test {
 protected:
  PlanCacheTest() {
    base::set_log_callback(
        [this](base::LogLevel, std::string_view text) { warnings_.emplace_back(text); });
  }
  ~PlanCacheTest() override { base::set_log_callback({}); }

  std::string content() const {
    const std::vector<std::byte> bytes = base::read_file(cache_.file_of(key_), 1000);
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
  }
  void expect_dropped() {
    warnings_.clear();
    EXPECT_EQ(cache_.find(key_), std::nullopt);
    EXPECT_THAT(warnings_, ::testing::ElementsAre(::testing::HasSubstr("is dropped")));
    EXPECT_FALSE(fs::exists(cache_.file_of(key_)));
  }

  const testing::TemporaryFolder folder_;
  const PlanCache cache_{folder_.path() / "cuda"};
  const std::string key_ = "card, library 1.2, shape 3", text_ = "{\"plan\":\n[1, 2]}";
  std::vector<std::string> warnings_;
};

TEST_F(PlanCacheTest, FindsWhatWasKeptUnderTheKeyAlone) {
  EXPECT_EQ(cache_.find(key_), std::nullopt);
  cache_.keep(key_, text_);
  EXPECT_EQ(cache_.find(key_), text_);
  EXPECT_EQ(cache_.find("card, library 1.3, shape 3"), std::nullopt);
  EXPECT_EQ(PlanCache(folder_.path() / "cuda").find(key_), text_);
  EXPECT_THAT(warnings_, ::testing::IsEmpty());
}

TEST_F(PlanCacheTest, DropsAFileThatIsCutShortOrChangedAnywhere) {
  cache_.keep(key_, text_);
  const std::string whole = content();
  for (std::size_t at = 0; at < whole.size(); ++at) {
    folder_.write("cuda/" + cache_.file_of(key_).filename().string(), whole.substr(0, at));
    expect_dropped();
    std::string changed = whole;
    changed[at] = static_cast<char>(changed[at] ^ 1);
    folder_.write("cuda/" + cache_.file_of(key_).filename().string(), changed);
    expect_dropped();
  }
}

TEST_F(PlanCacheTest, DropsAFileOfAnotherKeyWithTheSameHash) {
  cache_.keep("another key", text_);
  fs::rename(cache_.file_of("another key"), cache_.file_of(key_));
  expect_dropped();
}

TEST_F(PlanCacheTest, AFolderThatTakesNoFilesIsAWarning) {
  const fs::path file = folder_.write("file", "");
  PlanCache(file / "cuda").keep(key_, text_);
  EXPECT_THAT(warnings_, ::testing::ElementsAre(::testing::HasSubstr("is not kept")));
}

TEST_F(PlanCacheTest, KeepsNothingWithoutAFolder) {
  const PlanCache none("");
  none.keep(key_, text_);
  EXPECT_EQ(none.find(key_), std::nullopt);
  EXPECT_THAT(warnings_, ::testing::IsEmpty());
}

}  // namespace
}  // namespace streamdiffusion::backend::cuda
