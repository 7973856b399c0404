// What the table cannot hold: warnings, lengths, hostile prompts.
#include "tokenizer/tokenizer.h"

#include <gtest/gtest.h>

#include <chrono>

#include "base/clock.h"
#include "base/log.h"
#include "base/printable.h"
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

TEST(Tokenizer, NamesTheWordsThatDoNotFit) {
  std::string prompt;
  for (int i = 0; i < 80; ++i) prompt += std::to_string(i % 10) + " ";
  const Tokens tokens = small().encode(prompt);
  EXPECT_TRUE(tokens.truncated);
  EXPECT_EQ(tokens.dropped, 5);
  EXPECT_EQ(tokens.used, 77);
  EXPECT_EQ(tokens.ids.back(), small().eos_id());
  EXPECT_EQ(tokens.warnings,
            std::vector<std::string>{
                R"(prompt is cut: 5 of 80 tokens dropped, 75 fit; left out: "5 6 7 8 9")"});
  EXPECT_TRUE(small().encode("red apple").warnings.empty());
}

TEST(Tokenizer, EmphasisWeighsTokens) {
  const Tokens plain = small().encode("a b c"),
               weighted = small().encode("a (b:1.5) c", PromptSyntax::emphasis);
  EXPECT_EQ(plain.ids, weighted.ids);
  EXPECT_TRUE(plain.weights.empty());
  ASSERT_EQ(weighted.weights.size(), weighted.ids.size());
  float sum = 0;
  for (const float weight : weighted.weights) sum += weight;
  EXPECT_FLOAT_EQ(sum, 77.5F) << "one token weighs 1.5, all others, BOS, EOS and padding too, 1";
  EXPECT_EQ(weighted.weights.front(), 1);
  EXPECT_TRUE(small().encode("a (b:1) c", PromptSyntax::emphasis).weights.empty());
  EXPECT_NE(small().encode("a (b:1.5) c").ids, weighted.ids) << "brackets are text";
  std::string prompt = "(";
  for (int i = 0; i < 80; ++i) prompt += "1 ";
  EXPECT_EQ(small().encode(prompt + ")", PromptSyntax::emphasis).weights.size(), 77U);
}

TEST(Tokenizer, WhiteSpaceAloneIsTheEmptyText) {
  for (const char* text : {" ", "\t\r\n ", "\u3000", "\u00a0\u2003\u2028"}) {
    EXPECT_TRUE(base::is_blank(text));
    EXPECT_EQ(small().encode(text).ids, small().encode("").ids) << text;
  }
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
