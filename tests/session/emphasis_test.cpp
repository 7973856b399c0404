// Emphasis in prompts.
#include "session/emphasis.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/log.h"
#include "streamdiffusion/streamdiffusion.h"
#include "support/environment.h"
#include "support/tiny_model.h"

namespace streamdiffusion::session {
namespace {

using ::testing::ElementsAre;
using ::testing::FloatEq;
using ::testing::HasSubstr;

TEST(Emphasis, WeighsRowsAndRestoresTheMean) {
  std::vector<float> embedding{1, 3, 2, 6};  // two tokens, mean 3
  emphasize(embedding, std::vector<float>{1, 2});
  // 1 3 4 12, mean 5; times 3 / 5
  EXPECT_THAT(embedding, ElementsAre(FloatEq(0.6F), FloatEq(1.8F), FloatEq(2.4F), FloatEq(7.2F)));
}

TEST(Emphasis, LeavesAMeanThatVanishes) {
  std::vector<float> embedding{1, -1};
  emphasize(embedding, std::vector<float>{2, 2});
  EXPECT_THAT(embedding, ElementsAre(2, -2));
}

class Prompted : public ::testing::Test {
 protected:
  std::vector<float> latents(const std::string& prompt,
                             PromptSyntax syntax = PromptSyntax::emphasis) {
    Engine engine = Engine::open({.model = model_.path(),
                                  .device = testing::device_or(SD_TEST_DEVICE),
                                  .dtype = DataType::f32,
                                  .threads = 1,
                                  .prompt_syntax = syntax});
    Session session = engine.session({.width = 32,
                                      .height = 24,
                                      .t_index_list = {0},
                                      .cfg_type = CfgType::none,
                                      .text_to_image = true,
                                      .keep_tensors = true});
    session.set_prompt(prompt);
    return session.generate()->latents;
  }
  testing::TinyModel model_;
};

TEST_F(Prompted, TheImageFollowsTheEmphasis) {
  const auto plain = latents("red apple");
  EXPECT_EQ(latents("(red:1.0) apple"), plain);
  EXPECT_NE(latents("(red:1.5) apple"), plain);
  EXPECT_NE(latents("[red] apple"), latents("(red) apple"));
  EXPECT_EQ(latents("red apple", PromptSyntax::text), plain);
  EXPECT_NE(latents("(red:1.0) apple", PromptSyntax::text), plain);
  EXPECT_EQ(latents("\\(red\\) apple"), latents("(red) apple", PromptSyntax::text));
}

TEST_F(Prompted, WhatIsReadAsTextIsLoggedOnceAndToldOnRequest) {
  std::vector<std::string> lines;
  base::set_log_callback([&](base::LogLevel, std::string_view line) { lines.emplace_back(line); });
  latents("apple <lora:a:1>");
  base::set_log_callback({});
  EXPECT_THAT(lines, ElementsAre(HasSubstr("<lora:a:1>")));
  const Engine engine =
      Engine::open({.model = model_.path(), .device = testing::device_or(SD_TEST_DEVICE)});
  EXPECT_THAT(engine.prompt_warnings("apple <lora:a:1>"), ElementsAre(HasSubstr("<lora:a:1>")));
  EXPECT_TRUE(engine.prompt_warnings("(apple:1.2)").empty());
}

TEST_F(Prompted, AnEmptyPromptIsDrawnAndSaidUnlessItIsMeant) {
  std::vector<std::string> lines;
  base::set_log_callback([&](base::LogLevel, std::string_view line) { lines.emplace_back(line); });
  const auto empty = latents("  ");  // "" is what this model draws without a prompt
  EXPECT_THAT(lines, ElementsAre(HasSubstr("the prompt is empty")));
  lines.clear();
  EXPECT_EQ(latents("()"), empty);
  EXPECT_THAT(lines, ::testing::IsEmpty());
  base::set_log_callback({});
  EXPECT_NE(latents("()", PromptSyntax::text), empty);
}

TEST_F(Prompted, ASeedOfMinusOneIsDrawnForEachSession) {
  Engine engine =
      Engine::open({.model = model_.path(), .device = testing::device_or(SD_TEST_DEVICE)});
  std::vector<std::string> lines;
  base::set_log_callback([&](base::LogLevel, std::string_view line) {
    if (line.starts_with("seed ")) lines.emplace_back(line);
  });
  Session a = engine.session({.width = 32, .height = 24, .seed = kDrawSeed}),
          b = engine.session({.width = 32, .height = 24, .seed = kDrawSeed});
  const std::int64_t first = a.seed(), second = b.seed();
  a.set_seed(kDrawSeed);
  base::set_log_callback({});
  EXPECT_THAT(lines, ElementsAre("seed " + std::to_string(first), "seed " + std::to_string(second),
                                 "seed " + std::to_string(a.seed())));
  EXPECT_NE(first, second);
  EXPECT_GE(first, 0);
  EXPECT_THROW(engine.session({.width = 32, .height = 24, .seed = -2}), Error);
  EXPECT_THROW(a.set_seed(-2), Error);
}

}  // namespace
}  // namespace streamdiffusion::session
