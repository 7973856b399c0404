// Parameters that do nothing under the others are named.
#include "params/without_effect.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "params/check.h"

namespace streamdiffusion::params {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

SessionOptions full_of(Settings settings) {
  fill(settings, fallbacks());
  return settings.live.options;
}

std::vector<std::string> names(const Settings& settings) {
  std::vector<std::string> found;
  for (const auto& idle : without_effect(settings, full_of(settings), key_of)) {
    found.emplace_back(idle.parameter->name);
  }
  return found;
}

std::vector<std::string> messages(const Settings& settings) {
  std::vector<std::string> found;
  for (const auto& idle : without_effect(settings, full_of(settings), key_of)) {
    found.push_back(idle.message);
  }
  return found;
}

Settings guided(CfgType type, float scale = 2) {
  Settings settings;
  settings.live.options.cfg_type = type;
  settings.live.options.guidance_scale = scale;
  settings.given = {"cfg_type", "guidance_scale", "negative_prompt", "delta"};
  return settings;
}

TEST(WithoutEffect, GuidanceSaysWhichOfItsParametersAct) {
  EXPECT_THAT(names(guided(CfgType::none)),
              ElementsAre("negative_prompt", "guidance_scale", "delta"));
  EXPECT_THAT(names(guided(CfgType::full)), ElementsAre("delta"));
  EXPECT_THAT(names(guided(CfgType::self)), ElementsAre("negative_prompt"));
  EXPECT_THAT(names(guided(CfgType::initialize)), IsEmpty());
  EXPECT_THAT(names(guided(CfgType::initialize, 1)),
              ElementsAre("negative_prompt", "cfg_type", "delta"));
}

TEST(WithoutEffect, ACardAloneIsTuned) {
  Settings settings;
  settings.engine.tune = true;
  settings.given = {"tune"};
  for (const char* device : {"cpu", "ref"}) {
    settings.engine.device = device;
    EXPECT_THAT(names(settings), ElementsAre("tune"));
  }
  for (const char* device : {"cuda", "auto"}) {  // which device auto is, its choice says
    settings.engine.device = device;
    EXPECT_THAT(names(settings), IsEmpty());
  }
}

TEST(WithoutEffect, OptionsOfOtherPreprocessorsAreNamed) {
  Settings settings;
  settings.live.options.control_settings = {
      {.image = {.preprocessor = Preprocessor::blur, .sigma = 5}},
      {.image = {.preprocessor = Preprocessor::canny, .sigma = 5}},
      {.image = {.preprocessor = Preprocessor::automatic, .sigma = 5}}};
  EXPECT_THAT(messages(settings), IsEmpty()) << "nothing was given";
  settings.given = {"control_settings"};
  EXPECT_THAT(messages(settings),
              ElementsAre("control_settings[1]: sigma has no effect with preprocessor "
                          "canny; it acts with blur"));
  settings.given = {"controlnets"};
  settings.engine.controlnets.resize(2);
  EXPECT_THAT(messages(settings), ElementsAre(HasSubstr("controlnets[1]: sigma has no effect")))
      << "the preprocessor that the net's name says";
  settings.engine.controlnets[1].settings.image.preprocessor = Preprocessor::canny;
  EXPECT_THAT(messages(settings), IsEmpty()) << "told where it was read";
}

TEST(WithoutEffect, IsSaidInTheWordsOfTheFile) {
  Settings settings;
  EXPECT_EQ(as_given_in(settings)(parameter("seed")), "--seed");
  settings.of_file = {"seed"};
  EXPECT_EQ(as_given_in(settings)(parameter("seed")), "seed");
}

TEST(WithoutEffect, OnlyWhatWasGivenIsNamed) {
  Settings settings = guided(CfgType::none);
  settings.given = {"delta"};
  EXPECT_THAT(names(settings), ElementsAre("delta"));
  settings.given.clear();
  EXPECT_THAT(names(settings), IsEmpty());
}

TEST(WithoutEffect, TheModelDecidesOnSizesAndGuidance) {
  Settings settings = guided(CfgType::none);
  settings.given = {"guidance_scale", "original_width", "crop_top", "target_height"};
  EXPECT_THAT(names(settings),
              ElementsAre("guidance_scale", "original_width", "crop_top", "target_height"));
  const auto with_model = [&](const ModelTraits& model) {
    return without_effect(settings, settings.live.options, key_of, model).size();
  };
  EXPECT_EQ(with_model({.size_conditioning = true}), 1U);
  EXPECT_EQ(with_model({.size_conditioning = true, .guidance_embedding = true}), 0U);
}

TEST(WithoutEffect, ThresholdsNeedTheFilter) {
  Settings settings;
  settings.given = {"similar_image_filter_threshold", "similar_image_filter_max_skip_frame"};
  EXPECT_THAT(names(settings),
              ElementsAre("similar_image_filter_threshold", "similar_image_filter_max_skip_frame"));
  settings.live.options.enable_similar_image_filter = true;
  EXPECT_THAT(names(settings), IsEmpty());
}

TEST(WithoutEffect, BlendingNeedsTwoPrompts) {
  Settings settings;
  settings.given = {"prompt_interpolation_method", "prompt_list"};
  settings.live.prompts = {{"a", 0.5F}};
  EXPECT_THAT(names(settings), ElementsAre("prompt_list", "prompt_interpolation_method"));
  settings.live.prompts = {{"a", 0.5F}, {"b", 0.5F}};
  EXPECT_THAT(names(settings), IsEmpty());
}

TEST(WithoutEffect, ASingleImageHasNoFramesBeforeIt) {
  Settings settings;
  settings.given = {"transition_ms",
                    "latent_feedback_strength",
                    "use_cached_attn",
                    "cache_interval",
                    "enable_similar_image_filter",
                    "use_feature_injection",
                    "prompt_interpolation_method"};
  const auto on_one = [&] {
    std::vector<std::string> found;
    for (const auto& idle :
         without_effect(settings, full_of(settings), key_of, {}, {.single = true})) {
      found.emplace_back(idle.parameter->name);
    }
    return found;
  };
  EXPECT_THAT(on_one(),
              ElementsAre("cache_interval", "use_feature_injection", "prompt_interpolation_method"))
      << "the others ask for nothing";
  settings.live.transition_seconds = 1;
  SessionOptions& o = settings.live.options;
  o.latent_feedback = 0.5F;
  o.use_cached_attn = o.enable_similar_image_filter = o.use_feature_injection = true;
  EXPECT_THAT(on_one(), ::testing::UnorderedElementsAreArray(settings.given));
  EXPECT_THAT(names(settings), IsEmpty());
}

TEST(WithoutEffect, WhatHasNoWeightIsNamed) {
  Settings settings;
  settings.given = {"prompt_list", "seed_list"};
  settings.live.prompts = {{"a", 1}, {"b", 0}};
  settings.live.options.seed_list = {{2, 0}, {5, 1}};
  EXPECT_THAT(messages(settings),
              ElementsAre("prompt_list[1]: the prompt has no effect with weight 0",
                          "seed_list[0]: the seed has no effect with weight 0"));
}

TEST(WithoutEffect, AnAdapterNeedsAnImage) {
  Settings settings;
  settings.given = {"image_prompts"};
  settings.live.options.image_prompts = {
      {.scale = 2}, {.enabled = false}, {.files = {"a.png"}}, {.follow_input = true}};
  EXPECT_THAT(messages(settings),
              ElementsAre("image_prompts[0] has no effect without an image to follow"));
  settings.live.options.text_to_image = true;
  EXPECT_THAT(messages(settings),
              ElementsAre(HasSubstr("image_prompts[0]"),
                          HasSubstr("image_prompts[3]: follow_input has no effect without")));
}

TEST(WithoutEffect, WhatConcernsAnInputNeedsOne) {
  Settings settings;
  settings.given = {"fit", "strength", "enable_similar_image_filter"};
  EXPECT_THAT(names(settings), IsEmpty());
  settings.live.options.text_to_image = true;
  EXPECT_THAT(names(settings), ElementsAre("strength", "fit", "enable_similar_image_filter"));
}

TEST(WithoutEffect, OneStepTakesNoNoiseBetween) {
  Settings settings;
  settings.given = {"do_add_noise"};
  settings.live.options.do_add_noise = false;
  settings.live.options.t_index_list = {32};
  EXPECT_THAT(names(settings), ElementsAre("do_add_noise"));
  settings.live.options.t_index_list = {32, 45};
  EXPECT_THAT(names(settings), IsEmpty());
}

TEST(WithoutEffect, AStepThatKeepsItsNoiseTakesNone) {
  Settings settings;
  settings.given = {"do_add_noise", "eta"};
  SessionOptions& o = settings.live.options;
  o.do_add_noise = false;
  o.t_index_list = {32, 45};
  const auto of = [&](Scheduler scheduler, float eta) {
    o.scheduler = scheduler;
    o.eta = eta;
    return names(settings);
  };
  EXPECT_THAT(of(Scheduler::lcm, 0), ElementsAre("eta"));
  EXPECT_THAT(of(Scheduler::euler, 0), ElementsAre("eta", "do_add_noise"));
  EXPECT_THAT(of(Scheduler::ddim, 0), ElementsAre("do_add_noise"));
  EXPECT_THAT(of(Scheduler::ddim, 0.5F), IsEmpty());
  EXPECT_THAT(of(Scheduler::tcd, 0.3F), IsEmpty());
  EXPECT_THAT(of(Scheduler::euler_ancestral, 0), ElementsAre("eta"));
}

TEST(WithoutEffect, TimestepsAreTheGrid) {
  Settings settings;
  settings.given = {"timestep_spacing", "num_inference_steps", "timesteps"};
  EXPECT_THAT(names(settings), IsEmpty());
  settings.live.options.timesteps = {999, 499};
  EXPECT_THAT(names(settings), ElementsAre("num_inference_steps", "timestep_spacing"));
}

TEST(WithoutEffect, TheMessageSaysWhatWouldAct) {
  const auto found = without_effect(
      guided(CfgType::none),
      {.t_index_list = {1}, .cfg_type = CfgType::none, .guidance_scale = 2.0F}, flag_or_key_of);
  ASSERT_EQ(found.size(), 3U);
  EXPECT_EQ(found[2].message,
            "--delta has no effect with --cfg-type none; it acts with self or initialize");
}

}  // namespace
}  // namespace streamdiffusion::params
