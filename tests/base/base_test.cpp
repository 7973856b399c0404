// Errors, messages and small helpers of base.
#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <filesystem>
#include <fstream>

#include "base/align.h"
#include "base/error.h"
#include "base/half.h"
#include "base/hash.h"
#include "base/input_file.h"
#include "base/join.h"
#include "base/log.h"
#include "base/printable.h"
#include "base/size_text.h"
#include "support/temporary_folder.h"

namespace streamdiffusion::base {
namespace {

TEST(Error, ACopyHasATextOfItsOwn) {
  const Error error(ErrorCode::io, "a text that is too long to be stored in place");
  const Error copy = error;
  Error assigned(ErrorCode::busy, "");
  assigned = error;
  for (const Error* other : {&copy, static_cast<const Error*>(&assigned)}) {
    EXPECT_STREQ(other->what(), error.what());
    EXPECT_NE(static_cast<const void*>(other->what()), static_cast<const void*>(error.what()));
    EXPECT_EQ(other->code(), ErrorCode::io);
  }
}

TEST(Error, CarriesCodeAndJoinedMessage) {
  try {
    fail(ErrorCode::unsupported, "key ", 3, " of ", 4);
    FAIL() << "did not throw";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::unsupported);
    EXPECT_STREQ(error.what(), "key 3 of 4");
  }
}

TEST(Printable, WhatActsOnATerminalOrHidesTextBecomesBytes) {
  const std::pair<std::string, std::string> cases[]{
      {"red apple, 3d", "red apple, 3d"},
      {"\x1b]0;title\x07", R"(\x1b]0;title\x07)"},
      {"a\r\n\tb\x7f", R"(a\x0d\x0a\x09b\x7f)"},
      {"\xc2\x9b[31m", R"(\xc2\x9b[31m)"},          // CSI as one character
      {"\x9b[31m", R"(\x9b[31m)"},                  // and as one byte
      {"\u202egpj.png", R"(\xe2\x80\xaegpj.png)"},  // right-to-left override
      {"\u2066a\u2069", R"(\xe2\x81\xa6a\xe2\x81\xa9)"},
      {"\u200f\u061c", R"(\xe2\x80\x8f\xd8\x9c)"},
      {"a\u2028b", R"(a\xe2\x80\xa8b)"},
      {"\xc0\x9b \xed\xa0\x80 \xf4\x90\x80\x80 \xe2\x80",
       R"(\xc0\x9b \xed\xa0\x80 \xf4\x90\x80\x80 \xe2\x80)"},
      {"りんご 🍎 Äpfel عربي 👩‍🎨", "りんご 🍎 Äpfel عربي 👩‍🎨"},
      {std::string("\0", 1), R"(\x00)"}};
  for (const auto& [text, expected] : cases) {
    EXPECT_EQ(printable(text), expected);
    EXPECT_EQ(printable(expected), expected) << "it stays as it is";
  }
}

TEST(Printable, MessagesAreWhoeverReadsThem) {
  try {
    fail(ErrorCode::io, "a\u202eb", ": ", "\x1b[2J");
    FAIL() << "did not throw";
  } catch (const Error& error) {
    EXPECT_STREQ(error.what(), R"(a\xe2\x80\xaeb: \x1b[2J)");
  }
  std::string logged;
  set_log_callback([&](LogLevel, std::string_view message) { logged = message; });
  warn("\x1b[2J");
  set_log_callback({});
  EXPECT_EQ(logged, R"(\x1b[2J)");
}

TEST(Printable, LineEndsOfAMessageStayAndThoseOfOthersDoNot) {
  MessageLines lines;
  lines.add("one\n  forged");
  lines.add("two\x1b[2J", 4);
  const std::string others = "a\n  b", expected = R"(a\x0a  b:)"
                                                  "\n  "
                                                  R"(one\x0a  forged)"
                                                  "\n    "
                                                  R"(two\x1b[2J)";
  try {
    fail(ErrorCode::io, others, ":", lines);
  } catch (const Error& error) {
    EXPECT_EQ(error.what(), expected);
    try {
      fail(error.code(), others, ": ", error);  // passed on with more words
    } catch (const Error& more) {
      EXPECT_EQ(more.what(), R"(a\x0a  b: )" + expected);
    }
  }
  std::string logged;
  set_log_callback([&](LogLevel, std::string_view message) { logged = message; });
  warn(others, ":", lines);
  set_log_callback({});
  EXPECT_EQ(logged, expected);
  EXPECT_EQ(printable_lines(expected), expected);
  EXPECT_EQ(printable_lines("error\nerror: \x1b"), R"(error\x0aerror: \x1b)");
}

TEST(Blank, IsWhiteSpaceAlone) {
  for (const char* text : {"", " ", " \t\r\n", "\u3000", "\u00a0 \u2003\u2028"}) {
    EXPECT_TRUE(is_blank(text)) << text;
  }
  for (const char* text : {"a", " a ", "\u200b", "\xe3\x80", "りんご"}) {
    EXPECT_FALSE(is_blank(text)) << text;
  }
}

TEST(Join, PutsCommasBetween) {
  EXPECT_EQ(joined(std::vector<std::string>{}), "");
  EXPECT_EQ(joined(std::vector<std::string>{"one", "two"}), "one, two");
  EXPECT_EQ(joined(std::vector<int>{1, 2}, [](int i) { return std::to_string(i); }), "1, 2");
  EXPECT_EQ(joined(std::vector<int>{-1, 2}, {}, ";"), "-1;2");
  EXPECT_EQ(joined(std::vector<float>{0.5F, -10, 1e-9F}), "0.5, -10, 1e-09");
  EXPECT_EQ(joined(std::vector<std::string>{"", ""}), ", ");
}

TEST(Hash, Fnv1aKnownValues) {
  EXPECT_EQ(fnv1a(""), 0xcbf29ce484222325U);
  EXPECT_EQ(fnv1a("a"), 0xaf63dc4c8601ec8cU);
  EXPECT_EQ(fnv1a("foobar"), 0x85944171f73967e8U);
}

TEST(Align, RoundsUpToCacheLines) {
  EXPECT_EQ(aligned(0), 0U);
  EXPECT_EQ(aligned(1), 64U);
  EXPECT_EQ(aligned(64), 64U);
  EXPECT_EQ(aligned(65), 128U);
}

TEST(Half, EveryBf16SurvivesTheRoundTrip) {
  for (std::uint32_t bits = 0; bits < 0x10000; ++bits) {
    const float value = bf16_to_f32(static_cast<std::uint16_t>(bits));
    if (std::isnan(value)) {
      EXPECT_TRUE(std::isnan(bf16_to_f32(f32_to_bf16(value))));
    } else {
      EXPECT_EQ(f32_to_bf16(value), bits);
    }
  }
}

TEST(Half, Bf16RoundsToNearestEven) {
  EXPECT_EQ(f32_to_bf16(1.0F + 0x1p-8F), 0x3f80);  // a tie goes to the even neighbor
  EXPECT_EQ(f32_to_bf16(1.0F + 0x1p-8F + 0x1p-20F), 0x3f81);
  EXPECT_EQ(f32_to_bf16(1.0F + 3 * 0x1p-8F), 0x3f82);
}

TEST(Half, F16KnownValues) {
  EXPECT_EQ(f16_to_f32(0x3c00), 1.0F);
  EXPECT_EQ(f16_to_f32(0xc000), -2.0F);
  EXPECT_EQ(f16_to_f32(0x7bff), 65504.0F);
  EXPECT_EQ(f16_to_f32(0x0001), 0x1p-24F);
  EXPECT_EQ(f16_to_f32(0x03ff), 1023 * 0x1p-24F);
  EXPECT_TRUE(std::isinf(f16_to_f32(0x7c00)));
  EXPECT_TRUE(std::isnan(f16_to_f32(0x7e00)));
}

TEST(Half, EveryF16SurvivesTheRoundTrip) {
  for (std::uint32_t bits = 0; bits < 0x10000; ++bits) {
    const float value = f16_to_f32(static_cast<std::uint16_t>(bits));
    if (std::isnan(value)) {
      EXPECT_TRUE(std::isnan(f16_to_f32(f32_to_f16(value))));
    } else {
      EXPECT_EQ(f32_to_f16(value), bits);
    }
  }
}

TEST(Half, F16RoundsToNearestEven) {
  EXPECT_EQ(f32_to_f16(1.0F + 0x1p-11F), 0x3c00);  // a tie goes to the even neighbor
  EXPECT_EQ(f32_to_f16(1.0F + 0x1p-11F + 0x1p-20F), 0x3c01);
  EXPECT_EQ(f32_to_f16(1.0F + 3 * 0x1p-11F), 0x3c02);
  EXPECT_EQ(f32_to_f16(65519.0F), 0x7bff);
  EXPECT_EQ(f32_to_f16(65520.0F), 0x7c00);
  EXPECT_EQ(f32_to_f16(-1e30F), 0xfc00);
  EXPECT_EQ(f32_to_f16(0x1p-25F), 0x0000);  // half of the smallest number
  EXPECT_EQ(f32_to_f16(0x1.8p-25F), 0x0001);
  EXPECT_EQ(f32_to_f16(3 * 0x1p-25F), 0x0002);
  EXPECT_EQ(f32_to_f16(0x1p-14F - 0x1p-26F), 0x0400);  // up to the smallest normal number
}

TEST(InputFile, NamesTheMissingFile) {
  try {
    const InputFile file("no/such/file.bin");
    FAIL() << "did not throw";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::not_found);
    EXPECT_NE(std::string(error.what()).find("no/such/file.bin"), std::string::npos);
  }
}

TEST(InputFile, SaysWhereALinkLeads) {
  const streamdiffusion::testing::TemporaryFolder folder;
  const auto nowhere = folder.path() / "nowhere", circle = folder.path() / "circle";
  std::filesystem::create_symlink("gone.bin", nowhere);
  std::filesystem::create_symlink("circle", circle);
  for (const auto& [link, target] : {std::pair(nowhere, "gone.bin"), {circle, "circle"}}) {
    EXPECT_TRUE(is_there(link));
    try {
      const InputFile file(link);
      FAIL() << "did not throw";
    } catch (const Error& error) {
      EXPECT_NE(std::string(error.what()).find("a link to " + std::string(target)),
                std::string::npos)
          << error.what();
    }
  }
  EXPECT_FALSE(is_there(folder.path() / "gone.bin"));
  EXPECT_TRUE(is_there(folder.write("a.bin", "")));
}

TEST(InputFile, RefusesAFolder) {
  EXPECT_THROW(InputFile(std::filesystem::temp_directory_path()), Error);
}

TEST(InputFile, ReadsPartsAndTheWhole) {
  const streamdiffusion::testing::TemporaryFolder folder;
  const auto path = folder.write("a.bin", "0123456789");
  const InputFile file(path);
  EXPECT_EQ(file.size(), 10U);
  std::array<std::byte, 3> part{};
  file.read(4, part);
  EXPECT_EQ(static_cast<char>(part[2]), '6');
  EXPECT_THROW(file.read(8, part), Error);
  EXPECT_EQ(read_file(path, 10).size(), 10U);
  EXPECT_THROW(read_file(path, 9), Error);
}

TEST(InputFile, RefusesAFileThatWasCutShort) {
  const streamdiffusion::testing::TemporaryFolder folder;
  const auto path = folder.write("a.bin", std::string(3 * 4096, 'x'));
  const InputFile file(path);
  std::filesystem::resize_file(path, 4096);
  std::array<std::byte, 3> part{};
  try {
    file.read(0, part);  // even what is still there
    FAIL() << "did not throw";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::io);
  }
}

TEST(Log, GoesThroughTheCallback) {
  std::string seen;
  set_log_callback([&](LogLevel, std::string_view message) { seen = message; });
  warn("prompt cut at ", 75);
  set_log_callback({});
  warn("nobody listens");
  EXPECT_EQ(seen, "prompt cut at 75");
}

TEST(SizeText, HasThreeDigitsInTheUnitThatFits) {
  const std::pair<std::uint64_t, const char*> cases[]{
      {0, "0 B"},           {999, "999 B"},          {1200, "1.20 kB"},
      {999'600, "1.00 MB"}, {335'000'000, "335 MB"}, {2'520'000'000, "2.52 GB"}};
  for (const auto& [bytes, text] : cases) EXPECT_EQ(size_text(bytes), text);
}

}  // namespace
}  // namespace streamdiffusion::base
