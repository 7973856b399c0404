// The notation of emphasis. Expected weights follow the rules that users of the well-known web
// interfaces know; each case is written by hand.
#include "tokenizer/prompt_syntax.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace streamdiffusion::tokenizer {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

std::vector<std::pair<std::string, float>> parts(std::string_view prompt) {
  std::vector<std::pair<std::string, float>> out;
  for (const PromptPart& part : parse_prompt(prompt).parts)
    out.emplace_back(part.text, part.weight);
  return out;
}

using Part = std::pair<std::string, float>;

TEST(PromptSyntax, BracketsWeigh) {
  const float more = 1.1F;
  EXPECT_THAT(parts("a (b) c"), ElementsAre(Part("a ", 1), Part("b", more), Part(" c", 1)));
  EXPECT_THAT(parts("((b))"), ElementsAre(Part("b", static_cast<float>(1.1 * 1.1))));
  EXPECT_THAT(parts("[b]"), ElementsAre(Part("b", static_cast<float>(1 / 1.1))));
  EXPECT_THAT(parts("(b:1.3)"), ElementsAre(Part("b", 1.3F)));
  EXPECT_THAT(parts("(b : 0.5 )"), ElementsAre(Part("b ", 0.5F)));
  EXPECT_THAT(parts("(b:-1)"), ElementsAre(Part("b", -1)));
  EXPECT_THAT(parts("(b:.5)(c:+2)"), ElementsAre(Part("b", 0.5F), Part("c", 2)));
  EXPECT_THAT(parts("(a (b:2) c:3)"), ElementsAre(Part("a ", 3), Part("b", 6), Part(" c", 3)));
  EXPECT_THAT(parts("([b])"), ElementsAre(Part("b", 1)));
  EXPECT_THAT(parts("(red apple, blue fish:1.2), tree"),
              ElementsAre(Part("red apple, blue fish", 1.2F), Part(", tree", 1)));
}

TEST(PromptSyntax, EverythingElseIsText) {
  for (const std::string text :
       {"red apple", "",    "a:1.3", "a \\ b", "C:\\dir\\\\x", "(",  ")",   "]",        "[",
        "smile :)",  ":(",  "f()",   "a (b",   "a) b",         "[)", "\\n", "\xc3\xa4", "a, b; c",
        "1.5",       "{a}", "|",     "\\"}) {
    EXPECT_THAT(parts(text), ElementsAre(Part(text, 1))) << text;
    EXPECT_THAT(parse_prompt(text).warnings, IsEmpty()) << text;
  }
}

TEST(PromptSyntax, AnEmptyPairAloneIsNoText) {
  for (const char* text : {"()", " ()  "}) EXPECT_THAT(parts(text), ElementsAre(Part("", 1)));
  EXPECT_THAT(parse_prompt("()").warnings, IsEmpty());
  EXPECT_THAT(parts("\\(\\)"), ElementsAre(Part("()", 1)));
  for (const char* text : {"[]", "(:1.3)", "( )( )", "(())", "([ ]:0)"}) {
    EXPECT_THAT(parts(text), ElementsAre(Part("", 1))) << text;
    EXPECT_THAT(parse_prompt(text).warnings, ElementsAre(HasSubstr("there is no text in"))) << text;
  }
}

TEST(PromptSyntax, ABackslashMakesABracketText) {
  EXPECT_THAT(parts("a \\(b\\)"), ElementsAre(Part("a (b)", 1)));
  EXPECT_THAT(parts("\\[b\\]"), ElementsAre(Part("[b]", 1)));
  EXPECT_THAT(parts("(b\\):2)"), ElementsAre(Part("b)", 2)));
  EXPECT_THAT(parts("\\\\(b:2)"), ElementsAre(Part("\\", 1), Part("b", 2)));
}

TEST(PromptSyntax, WhatIsNoWeightIsText) {
  EXPECT_THAT(parts("(a:b)"), ElementsAre(Part("a:b", 1.1F)));
  EXPECT_THAT(parts("(a:nan)"), ElementsAre(Part("a:nan", 1.1F)));
  EXPECT_THAT(parts("(a:1.3x)"), ElementsAre(Part("a:1.3x", 1.1F)));
  EXPECT_THAT(parts("(a:0x10)"), ElementsAre(Part("a:0x10", 1.1F)));
}

TEST(PromptSyntax, AWeightBeyondTheLimitIsBroughtToItWithAWarning) {
  const ParsedPrompt parsed = parse_prompt("(a:1000) (b:-20)");
  EXPECT_EQ(parsed.parts.front().weight, 10);
  EXPECT_EQ(parsed.parts.back().weight, -10);
  EXPECT_THAT(parsed.warnings, ElementsAre(HasSubstr("1000 of \"a\" is taken as 10")));
  const std::string deep = std::string(2000, '(') + "a" + std::string(2000, ')');
  EXPECT_EQ(parse_prompt(deep).parts.front().weight, 10);
}

TEST(PromptSyntax, NotationsOfOtherProgramsAreNamed) {
  const std::pair<const char*, const char*> cases[]{
      {"cat <lora:style:0.8>", "\"<lora:style:0.8>\" is read as text"},
      {"<hypernet:a:1> b", "\"<hypernet:a:1>\""},
      {"cat AND dog", "\"AND\" is read as text"},
      {"cat BREAK dog", "\"BREAK\" is read as text"},
      {"a {red|blue} cat", "\"{red|blue}\""},
      {"a [red|blue] cat", "\"[red|blue]\""},
      {"a [cat:dog:0.5]", "\"[cat:dog:0.5]\""},
      {"a __color__ cat", "\"__color__\" is read as text: there are no wildcards"},
      {"a cat --ar 16:9", "\"--ar\" is read as text"},
      {"a cat\n--ar 16:9", "\"--ar\" is read as text"},
      {"--no dog, a cat", "\"--no\" is read as text"},
      {"a (red cat", "\"(\" is read as text: it has no partner"},
      {"a (red:1.3", "\"(\" is read as text"},
      {"a red cat)", "\")\" is read as text"},
      {"((a) red] cat", "\"]\" is read as text"},
  };
  for (const auto& [prompt, warning] : cases) {
    EXPECT_THAT(parse_prompt(prompt).warnings, ElementsAre(HasSubstr(warning))) << prompt;
  }
  for (const char* plain : {"red :) (: [ ]", "1) red, 2) blue", "a_b__c d__ __", "red -- blue",
                            "well--known", "\\(red apple", "a 3) b", "__ __"}) {
    EXPECT_THAT(parse_prompt(plain).warnings, IsEmpty()) << plain;
  }
  EXPECT_THAT(parse_prompt("SAND ANDROID and BREAKFAST <b> {a} a|b").warnings, IsEmpty());
}

TEST(PromptSyntax, AMegabyteOfBracketsTakesNoTimeToSpeakOf) {
  for (const std::string unit :
       {"(", ")", "(a", "((a)", "[", "\\", "\\(", ":", "(a:1)", "<a:", "{|", "AND", "(a[b"}) {
    std::string prompt;
    while (prompt.size() < (1U << 20U)) prompt += unit;
    EXPECT_FALSE(parse_prompt(prompt).parts.empty());
  }
}

}  // namespace
}  // namespace streamdiffusion::tokenizer
