// `steps` and `strength` of a command line or a file become `t_index_list`.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "settings/set.h"

namespace streamdiffusion::settings {
namespace {

using ::testing::ElementsAre;

/// A model of 50 steps that starts with one at 31.
SessionOptions with_defaults(SessionOptions options) {
  if (!options.num_inference_steps) options.num_inference_steps = 50;
  if (options.t_index_list.empty()) options.t_index_list = {options.text_to_image ? 0 : 31};
  if (!options.cfg_type) options.cfg_type = CfgType::full;
  return options;
}

std::vector<int> steps_of(const params::Settings& settings) {
  return with_steps(settings, with_defaults).live.options.t_index_list;
}

TEST(WithSteps, LeavesWhatNamesNeither) {
  EXPECT_TRUE(steps_of({}).empty());
}

TEST(WithSteps, SpreadsAFewStepsFromTheFirst) {
  EXPECT_THAT(steps_of({.steps = 2}), ElementsAre(31, 40));
}

TEST(WithSteps, StartsWhereTheStrengthSays) {
  EXPECT_THAT(steps_of({.strength = 1.0}), ElementsAre(0));
  EXPECT_THAT(steps_of({.strength = 0.3, .steps = 2}), ElementsAre(34, 42));
}

TEST(WithSteps, OfAPromptAloneStartFromNoise) {
  params::Settings settings{.strength = 0.5, .steps = 2};
  settings.live.options.text_to_image = true;
  EXPECT_THAT(steps_of(settings), ElementsAre(0, 25));
}

TEST(WithSteps, AreSaidInOneWay) {
  params::Settings settings{.steps = 2, .given = {"steps", "t_index_list"}};
  settings.live.options.t_index_list = {10};
  EXPECT_THROW(steps_of(settings), ParameterError);
}

TEST(WithSteps, RefusesMoreThanTheScheduleHas) {
  params::Settings settings{.steps = 5};
  settings.live.options.num_inference_steps = 4;
  EXPECT_THROW(steps_of(settings), ParameterError);
}

}  // namespace
}  // namespace streamdiffusion::settings
