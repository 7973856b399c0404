// What a session does where its user says nothing: the model's word first, then ours.
#include <gtest/gtest.h>

#include "streamdiffusion/streamdiffusion.h"
#include "support/environment.h"
#include "support/tiny_model.h"

namespace streamdiffusion {
namespace {

Engine open(const testing::TinyModel& model) {
  return Engine::open({.model = model.path(),
                       .device = testing::device_or(SD_TEST_DEVICE),
                       .dtype = DataType::f32,
                       .threads = 2});
}

TEST(Defaults, WordsAloneGoThroughTheWholeScheduleInAsManySteps) {
  const testing::TinyModel model;
  model.write("streamdiffusion.json", R"({"t_index_list": [20, 30, 40], "cfg_type": "self"})");
  const Engine engine = open(model);
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
  const Engine engine = open(model);
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
  const Engine engine = open(model);
  EXPECT_EQ(engine.with_defaults({}).t_index_list, (std::vector<int>{32, 45}));
  EXPECT_EQ(engine.with_defaults({}).cfg_type, CfgType::self);
  EXPECT_EQ(engine.with_defaults({.text_to_image = true}).cfg_type, CfgType::none);
}

}  // namespace
}  // namespace streamdiffusion
