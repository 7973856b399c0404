// What a session does where its user says nothing: the model's word first, then ours.
#include <gtest/gtest.h>

#include "streamdiffusion/streamdiffusion.h"
#include "support/environment.h"
#include "support/tiny_model.h"

namespace streamdiffusion {
namespace {

Engine engine_of(const testing::TinyModel& model) {
  return Engine::open({.model = model.path(),
                       .device = testing::device_or(SD_TEST_DEVICE),
                       .dtype = DataType::f32,
                       .threads = 2});
}

TEST(Defaults, WordsAloneGoThroughTheWholeScheduleInAsManySteps) {
  const testing::TinyModel model;
  model.write("streamdiffusion.json", R"({"t_index_list": [20, 30, 40], "cfg_type": "self"})");
  const Engine engine = engine_of(model);
  const SessionOptions from_image = engine.with_defaults({});
  EXPECT_EQ(from_image.t_index_list, (std::vector<int>{20, 30, 40}));
  EXPECT_EQ(from_image.cfg_type, CfgType::self);
  const SessionOptions from_text = engine.with_defaults({.text_to_image = true});
  EXPECT_EQ(from_text.t_index_list, (std::vector<int>{0, 16, 33}));
  EXPECT_EQ(from_text.cfg_type, CfgType::none);
}

TEST(Defaults, AModelSaysWhatSuitsWordsAlone) {
  const testing::TinyModel model;
  model.write("streamdiffusion.json",
              R"({"t_index_list": [18, 32], "cfg_type": "none", "delta": 0.5,
    "text_to_image": {"t_index_list": [0, 20], "cfg_type": "full", "guidance_scale": 2}})");
  const Engine engine = engine_of(model);
  EXPECT_EQ(engine.with_defaults({}).cfg_type, CfgType::none);
  const SessionOptions from_text = engine.with_defaults({.text_to_image = true});
  EXPECT_EQ(from_text.t_index_list, (std::vector<int>{0, 20}));
  EXPECT_EQ(from_text.cfg_type, CfgType::full);
  EXPECT_EQ(from_text.guidance_scale, 2.0F);
  EXPECT_EQ(from_text.delta, 0.5F);
  const SessionOptions shorter =
      engine.with_defaults({.num_inference_steps = 10, .text_to_image = true});
  EXPECT_EQ(shorter.t_index_list, (std::vector<int>{0, 5})) << "20 is no place of 10";
  const SessionOptions asked =
      engine.with_defaults({.t_index_list = {5}, .cfg_type = CfgType::none, .text_to_image = true});
  EXPECT_EQ(asked.t_index_list, std::vector<int>{5});
  EXPECT_EQ(asked.cfg_type, CfgType::none);
}

TEST(Defaults, AModelThatSaysNothing) {
  const testing::TinyModel model;
  model.write("streamdiffusion.json", "{}");
  const Engine engine = engine_of(model);
  EXPECT_EQ(engine.with_defaults({}).t_index_list, (std::vector<int>{32, 45}));
  EXPECT_EQ(engine.with_defaults({}).cfg_type, CfgType::self);
  EXPECT_EQ(engine.with_defaults({.text_to_image = true}).cfg_type, CfgType::none);
}

TEST(Defaults, TheScheduleFollowsTheScheduler) {
  const testing::TinyModel model;
  model.write("streamdiffusion.json", "{}");
  const Engine engine = engine_of(model);
  const SessionOptions plain = engine.with_defaults({});
  EXPECT_EQ(plain.scheduler, Scheduler::lcm);
  EXPECT_EQ(plain.timestep_spacing, TimestepSpacing::lcm);
  EXPECT_EQ(plain.num_inference_steps, 50);
  EXPECT_EQ(plain.prediction_type, PredictionType::v) << "as its scheduler_config.json says";
  const SessionOptions euler = engine.with_defaults({.scheduler = Scheduler::euler});
  EXPECT_EQ(euler.timestep_spacing, TimestepSpacing::trailing);
  EXPECT_EQ(euler.eta, 0.0F);
  const SessionOptions tcd = engine.with_defaults({.scheduler = Scheduler::tcd});
  EXPECT_EQ(tcd.timestep_spacing, TimestepSpacing::lcm);
  EXPECT_EQ(tcd.eta, 0.3F);
  const SessionOptions few = engine.with_defaults({.num_inference_steps = 4});
  EXPECT_EQ(few.t_index_list, (std::vector<int>{2, 3})) << "as strong as 32, 45 of 50";
  EXPECT_EQ(engine.with_defaults({.num_inference_steps = 1}).t_index_list, std::vector<int>{0});
}

TEST(Defaults, EachTimestepIsAStep) {
  const testing::TinyModel model;
  model.write("streamdiffusion.json", R"({"t_index_list": [3], "num_inference_steps": 8})");
  const Engine engine = engine_of(model);
  const SessionOptions own = engine.with_defaults({.timesteps = {999, 499, 249}});
  EXPECT_EQ(own.t_index_list, (std::vector<int>{0, 1, 2}));
  EXPECT_EQ(own.num_inference_steps, 3);
  const SessionOptions again = engine.with_defaults(own);
  EXPECT_EQ(again.t_index_list, own.t_index_list);
  EXPECT_EQ(again.timesteps, own.timesteps);
}

TEST(Defaults, AnotherGridKeepsTheModelsStrength) {
  const testing::TinyModel model;
  model.write("streamdiffusion.json",
              R"({"scheduler": "tcd", "eta": 0.5, "timesteps": [999, 749, 499, 249],
    "t_index_list": [2, 3], "text_to_image": {"t_index_list": [0, 1, 2, 3]}})");
  const Engine engine = engine_of(model);
  const SessionOptions own = engine.with_defaults({});
  EXPECT_EQ(own.scheduler, Scheduler::tcd);
  EXPECT_EQ(own.eta, 0.5F);
  EXPECT_EQ(own.timesteps, (std::vector<int>{999, 749, 499, 249}));
  EXPECT_EQ(own.t_index_list, (std::vector<int>{2, 3}));
  const SessionOptions longer = engine.with_defaults({.num_inference_steps = 50});
  EXPECT_TRUE(longer.timesteps.empty());
  EXPECT_EQ(longer.num_inference_steps, 50);
  EXPECT_EQ(longer.t_index_list, (std::vector<int>{25, 37}));
  const SessionOptions text =
      engine.with_defaults({.num_inference_steps = 8, .text_to_image = true});
  EXPECT_EQ(text.t_index_list, (std::vector<int>{0, 2, 4, 6}));
  const SessionOptions ddim = engine.with_defaults({.scheduler = Scheduler::ddim});
  EXPECT_EQ(ddim.eta, 0.0F) << "its eta is that of tcd";
  EXPECT_EQ(ddim.timesteps, own.timesteps);
}

}  // namespace
}  // namespace streamdiffusion
