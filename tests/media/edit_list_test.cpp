// Edit lists of MP4 files: how many frames they play, and what becomes of those that play too many.
#include "media/edit_list.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <functional>
#include <thread>
#include <vector>

#include "base/error.h"
#include "base/log.h"
#include "media/file_server.h"
#include "media/frame_source.h"
#include "support/temporary_folder.h"

namespace streamdiffusion::media {
namespace {

using streamdiffusion::testing::FileServer;
using streamdiffusion::testing::TemporaryFolder;
using ::testing::HasSubstr;

std::string number(std::uint64_t value, int bytes) {
  std::string text;
  for (int shift = 8 * (bytes - 1); shift >= 0; shift -= 8)
    text += static_cast<char>(value >> static_cast<unsigned>(shift) & 0xffU);
  return text;
}
std::string n32(std::uint64_t value) {
  return number(value, 4);
}
std::string n16(std::uint64_t value) {
  return number(value, 2);
}
std::string box(const std::string& type, const std::string& content) {
  return n32(content.size() + 8) + type + content;
}

constexpr int kSide = 16, kSamples = 50, kScale = 100, kDelta = 4;
constexpr int kSampleBytes = kSide * kSide * 3;
const std::string kMatrix = n32(0x10000) + n32(0) + n32(0) + n32(0) + n32(0x10000) + n32(0) +
                            n32(0) + n32(0) + n32(1U << 30U);

/// Start and length in 1/100 s.
using Edits = std::vector<std::pair<std::uint32_t, std::uint32_t>>;

/// Box elst of version 0.
std::string elst(const Edits& edits) {
  std::string table = n32(0) + n32(edits.size());
  for (const auto& [start, length] : edits) table += n32(length) + n32(start) + n32(0x10000);
  return box("elst", table);
}

/// Every tenth sample is a key frame, where `keys` asks for it; otherwise all are.
std::string sample_tables(std::uint64_t data, bool keys) {
  const std::string entry = std::string(6, '\0') + n16(1) + std::string(16, '\0') + n16(kSide) +
                            n16(kSide) + n32(0x480000) + n32(0x480000) + n32(0) + n16(1) +
                            std::string(32, '\0') + n16(24) + n16(0xffff);
  std::string sync = n32(0) + n32(kSamples / 10);
  for (int i = 0; i < kSamples; i += 10) sync += n32(static_cast<std::uint64_t>(i) + 1);
  return box("stsd", n32(0) + n32(1) + box("raw ", entry)) +
         box("stts", n32(0) + n32(1) + n32(kSamples) + n32(kDelta)) +
         (keys ? box("stss", sync) : "") +
         box("stsc", n32(0) + n32(1) + n32(1) + n32(kSamples) + n32(1)) +
         box("stsz", n32(0) + n32(kSampleBytes) + n32(kSamples)) +
         box("stco", n32(0) + n32(1) + n32(data));
}

/// A film of 50 frames of raw pixels, at 25 frames a second.
/// With `header_first` it can be read as it comes.
std::string film(const std::string& edits, bool keys = false, bool header_first = false) {
  const std::string head = box("ftyp", "qt  " + n32(0) + "qt  ");
  std::string pixels;
  for (int i = 0; i < kSamples; ++i) pixels += std::string(kSampleBytes, static_cast<char>(i));
  const std::string length = n32(kSamples * kDelta), times = n32(0) + n32(0) + n32(0);
  const std::string mvhd =
      box("mvhd", times + n32(kScale) + length + n32(0x10000) + n16(0x100) + std::string(10, '\0') +
                      kMatrix + std::string(24, '\0') + n32(2));
  const std::string tkhd =
      box("tkhd", n32(3) + n32(0) + n32(0) + n32(1) + n32(0) + length + std::string(16, '\0') +
                      kMatrix + n32(kSide << 16) + n32(kSide << 16));
  const std::string mdhd = box("mdhd", times + n32(kScale) + length + n16(0) + n16(0));
  const std::string hdlr = box("hdlr", n32(0) + "mhlrvide" + std::string(13, '\0'));
  const std::string dinf = box("dinf", box("dref", n32(0) + n32(1) + box("url ", n32(1))));
  const auto header = [&](std::uint64_t data) {
    const std::string minf = box("minf", box("vmhd", n32(1) + std::string(8, '\0')) + dinf +
                                             box("stbl", sample_tables(data, keys)));
    const std::string track = box(
        "trak", tkhd + (edits.empty() ? "" : box("edts", edits)) + box("mdia", mdhd + hdlr + minf));
    return box("moov", mvhd + track);
  };
  if (!header_first) return head + box("mdat", pixels) + header(head.size() + 8);
  return head + header(head.size() + header(0).size() + 8) + box("mdat", pixels);
}

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
  std::array<int, 2> ends{};
  EXPECT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
  std::thread writer([&] {
    for (std::size_t at = 0; at < bytes.size();) {
      const ssize_t count = ::write(ends[1], bytes.data() + at, bytes.size() - at);
      if (count <= 0) break;
      at += static_cast<std::size_t>(count);
    }
    ::close(ends[1]);
  });
  auto result = played([&] { return open_descriptor_source(ends[0], "a pipe", {}); });
  ::close(ends[0]);
  writer.join();
  return result;
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
