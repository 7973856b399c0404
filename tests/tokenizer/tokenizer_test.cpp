// What the table cannot hold: warnings, lengths, hostile prompts.
#include "tokenizer/tokenizer.h"

#include <gtest/gtest.h>

#include <chrono>

#include "base/clock.h"
#include "base/log.h"
#include "support/errors.h"
#include "table.h"

namespace streamdiffusion::tokenizer {
namespace {

using base::ErrorCode;
using streamdiffusion::testing::expect_error;
using testing::small_texts;

const Tokenizer& small() {
  static const Tokenizer tokenizer(small_texts(), 77);
  return tokenizer;
}

TEST(Tokenizer, WarnsHowMuchOfAPromptIsCut) {
  std::vector<std::string> lines;
  base::set_log_callback([&](base::LogLevel, std::string_view line) { lines.emplace_back(line); });
  std::string prompt;
  for (int i = 0; i < 80; ++i) prompt += "1 ";
  const Tokens tokens = small().encode(prompt);
  small().encode("red apple");
  base::set_log_callback({});
  EXPECT_TRUE(tokens.truncated);
  EXPECT_EQ(tokens.dropped, 5);
  EXPECT_EQ(tokens.used, 77);
  EXPECT_EQ(tokens.ids.back(), small().eos_id());
  EXPECT_EQ(lines, std::vector<std::string>{"prompt is cut: 5 of 80 tokens dropped, 75 fit"});
}

TEST(Tokenizer, ExactlyFullIsNotCut) {
  std::string prompt;
  for (int i = 0; i < 75; ++i) prompt += "1 ";
  const Tokens tokens = small().encode(prompt);
  EXPECT_FALSE(tokens.truncated);
  EXPECT_EQ(tokens.used, 77);
}

int length_with(const char* config, int positions) {
  TokenizerTexts texts = small_texts();
  if (config != nullptr) texts.config = config;
  return Tokenizer(texts, positions).length();
}

TEST(Tokenizer, LengthIsTheSmallerOfTheTwoLimits) {
  EXPECT_EQ(length_with(nullptr, 64), 64);
  EXPECT_EQ(length_with(R"({"model_max_length": 77})", 64), 64);
  EXPECT_EQ(length_with(R"({"model_max_length": 32})", 64), 32);
  EXPECT_EQ(length_with(R"({"model_max_length": 1e30})", 64), 64);
  EXPECT_EQ(length_with(R"({"model_max_length": 1000000000000000019884624838656})", 64), 64);
  EXPECT_EQ(length_with(R"({"model_max_length": null})", 64), 64);
}

TEST(Tokenizer, RefusesATextModelWithoutRoom) {
  expect_error([] { Tokenizer(small_texts(), 2); }, ErrorCode::invalid_argument, {"2 positions"});
}

TEST(Tokenizer, RefusesWhatIsNotUtf8) {
  for (const char* bad : {"a\xff", "a\xc3", "a\xed\xa0\x80", "a\xc0\xaf", "a\xf5\x80\x80\x80"}) {
    expect_error([&] { small().encode(bad); }, ErrorCode::invalid_argument,
                 {"prompt is not valid UTF-8 at byte 1"});
  }
}

TEST(Tokenizer, RefusesAPromptOverTheLimit) {
  expect_error([] { small().encode(std::string(Tokenizer::kMaxPromptBytes + 1, 'a')); },
               ErrorCode::invalid_argument, {"1048577 bytes", "1048576"});
}

std::string repeated(std::string_view unit) {
  std::string out;
  while (out.size() + unit.size() <= Tokenizer::kMaxPromptBytes) out += unit;
  return out;
}

class HostilePrompt : public ::testing::TestWithParam<const char*> {};

// A quadratic step anywhere would take minutes to hours; sanitizers may make a good one take
// seconds.
TEST_P(HostilePrompt, OfOneMegabyteTakesNoTimeToSpeakOf) {
  const auto start = base::Clock::now();
  const Tokens tokens = small().encode(repeated(GetParam()));
  EXPECT_TRUE(tokens.truncated);
  EXPECT_LT(base::seconds_since(start), 20.0);
}

INSTANTIATE_TEST_SUITE_P(
    Units, HostilePrompt,
    ::testing::Values("a", "in", "with", "!", "<|", "<|endoftext|>", "<|endoftext|",
                      "\xf0\x9f\x8d\x8e",
                      "\xcc\x81\xcc\x96",  // marks above and below, in the wrong order
                      "\xe0\xbd\xb3",      // U+0F73, which decomposes to two marks
                      "\xcd\x84",          // U+0344, likewise
                      "\xe1\x84\x80\xe1\x85\xa1\xe1\x86\xa8",  // jamo
                      "e\xcc\x81", "'s", "1", "\xc4\xb0", "a\xc2\xa0"));

}  // namespace
}  // namespace streamdiffusion::tokenizer
