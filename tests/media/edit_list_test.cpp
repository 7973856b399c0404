// Edit lists of MP4 files: how many frames they play, and what becomes of those that play too many.
#include "media/edit_list.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <functional>
#include <vector>

#include "base/error.h"
#include "base/log.h"
#include "media/fed_pipe.h"
#include "media/file_server.h"
#include "media/film.h"
#include "media/frame_source.h"
#include "support/temporary_folder.h"

namespace streamdiffusion::media {
namespace {

using streamdiffusion::testing::FedPipe;
using streamdiffusion::testing::FileServer;
using streamdiffusion::testing::TemporaryFolder;
using ::testing::HasSubstr;

std::optional<EditList> counted(const std::string& bytes) {
  return longest_edit_list(
      [&](std::uint64_t offset, std::span<std::byte> out) {
        ASSERT_LE(offset + out.size(), bytes.size());
        std::memcpy(out.data(), bytes.data() + offset, out.size());
      },
      bytes.size());
}

int frames_of(const std::string& file) {
  const auto source = open_source(file);
  int count = 0;
  while (source->read()) ++count;
  return count;
}

TEST(EditList, CountsTheFramesThatItPlays) {
  EXPECT_FALSE(counted(film("")));
  const auto whole = counted(film(elst({{0, kSamples * kDelta}})));
  ASSERT_TRUE(whole);
  EXPECT_EQ(whole->samples, 50U);
  EXPECT_NEAR(static_cast<double>(whole->frames), 50, 1);
  EXPECT_FALSE(whole->is_excessive());
  const auto twice = counted(film(elst({{0, 100}, {100, 100}, {0, 200}})));
  EXPECT_NEAR(static_cast<double>(twice->frames), 100, 3);
  const auto from_key = counted(film(elst({{4 * 19, 4}}), true));
  EXPECT_NEAR(static_cast<double>(from_key->frames), 10, 1.1) << "decoded from sample 10 on";
  EXPECT_EQ(counted(film(elst({{0xffffffffU, 400}})))->frames, 0U) << "an empty edit";
}

TEST(EditList, FarMoreFramesThanThereAreAreExcessive) {
  const auto many = counted(film(elst(Edits(100'000, {0, 200}))));
  EXPECT_GT(many->frames, 4'900'000U);
  EXPECT_TRUE(many->is_excessive());
  EXPECT_TRUE(counted(film(elst(Edits(1'500'000, {0, 0xffffffffU}))))->is_excessive());
  EXPECT_FALSE(counted(film(elst(Edits(200, {0, 200}))))->is_excessive());
}

TEST(EditList, OfADamagedFileHarmsNothing) {
  const std::string whole = film(elst({{0, 100}, {50, 100}}), true);
  for (std::size_t length = 0; length < whole.size();
       length += length < whole.size() - 1200 ? 4999 : 3) {
    counted(whole.substr(0, length));
  }
  for (std::size_t at = whole.size() - 1100; at < whole.size(); ++at) {
    for (const char value : {'\0', '\x01', '\x7f', '\xff'}) {
      std::string damaged = whole;
      damaged[at] = value;
      counted(damaged);
    }
  }
}

TEST(EditList, ThatIsExcessiveIsNotObeyedAndThatIsSaid) {
  const TemporaryFolder folder;
  std::string said;
  base::set_log_callback(
      [&](base::LogLevel, std::string_view message) { said.append(message).append("\n"); });
  folder.write("few.mov", film(elst({{100, 40}})));
  EXPECT_NEAR(frames_of(folder / "few.mov"), 10, 1);
  EXPECT_EQ(said, "");
  folder.write("many.mov", film(elst(Edits(400'000, {0, 200}))));
  EXPECT_EQ(frames_of(folder / "many.mov"), kSamples);
  base::set_log_callback({});
  EXPECT_THAT(said, HasSubstr("an edit list of 400000 entries plays"));
  EXPECT_THAT(said, HasSubstr("it is not obeyed"));
}

/// Its warnings, and how many frames come.
std::pair<std::string, int> played(const std::function<std::unique_ptr<FrameSource>()>& open) {
  std::string said;
  base::set_log_callback(
      [&](base::LogLevel, std::string_view message) { said.append(message).append("\n"); });
  const auto source = open();
  int count = 0;
  while (source->read()) ++count;
  base::set_log_callback({});
  return {said, count};
}

/// As `cat FILE |` gives it.
std::pair<std::string, int> played_from_pipe(const std::string& bytes) {
  const FedPipe pipe(bytes);
  return played([&] { return open_descriptor_source(pipe.end(), "a pipe", {}); });
}

TEST(EditList, IsBoundedOnEveryWayToTheFile) {
  const std::string few = film(elst({{100, 40}}), false, true);
  const std::string many = film(elst(Edits(400'000, {0, 200})), false, true);
  for (const bool length : {true, false}) {
    const FileServer some(few, length), hostile(many, length);
    const auto [quiet, ten] = played([&] { return open_source(some.address("a.mov")); });
    EXPECT_EQ(quiet, "");
    EXPECT_NEAR(ten, 10, 1);
    EXPECT_EQ(some.requests(), 1) << "what was looked into is not asked for again";
    const auto [said, all] = played([&] { return open_source(hostile.address("a.mov")); });
    EXPECT_THAT(said, HasSubstr("an edit list of 400000 entries plays"));
    EXPECT_EQ(all, kSamples);
  }
  const auto [quiet, ten] = played_from_pipe(few);
  EXPECT_EQ(quiet, "");
  EXPECT_NEAR(ten, 10, 1);
  const auto [said, all] = played_from_pipe(many);
  EXPECT_THAT(said, HasSubstr("a pipe: an edit list of 400000 entries plays"));
  EXPECT_EQ(all, kSamples);
}

TEST(EditList, OfATrackBesideTheHeaderCountsToo) {
  const std::string edits = elst(Edits(400'000, {0, 200})), plain = film("");
  const std::string hostile = film(edits);
  const std::size_t track = hostile.find("trak") - 4;
  EXPECT_TRUE(counted(plain + hostile.substr(track))->is_excessive());
  EXPECT_TRUE(counted(film(elst({{0, 4}}) + edits))->is_excessive()) << "the second of two";
  const auto hidden = counted(box("moov", box("cmov", std::string(100, 'x'))));
  EXPECT_TRUE(hidden && hidden->is_excessive());
}

}  // namespace
}  // namespace streamdiffusion::media
