// Model folders: components and settings, complete or broken.
#include "weights/model_folder.h"

#include <gtest/gtest.h>

#include "support/errors.h"
#include "support/temporary_folder.h"

namespace streamdiffusion::weights {
namespace {

using base::ErrorCode;
using testing::expect_error;
using testing::TemporaryFolder;

constexpr const char* index_text =
    R"({"_class_name": "StableDiffusionPipeline", "unet": ["diffusers", "UNet2DConditionModel"],
  "vae": ["diffusers", "AutoencoderTiny"], "scheduler": ["diffusers", "LCMScheduler"], "safety_checker": [null, null]})";

TEST(ModelFolder, FindsComponentsAndTheirConfigs) {
  const TemporaryFolder folder;
  folder.write("model_index.json", index_text);
  folder.write("unet/config.json", R"({"in_channels": 4})");
  folder.write("scheduler/scheduler_config.json", R"({"beta_start": 0.00085})");
  const ModelFolder model(folder.path());
  EXPECT_TRUE(model.has("unet"));
  EXPECT_FALSE(model.has("safety_checker"));
  EXPECT_FALSE(model.has("_class_name"));
  EXPECT_EQ(model.class_name("vae"), "AutoencoderTiny");
  EXPECT_EQ(model.config("unet").at("in_channels").integer(), 4);
  EXPECT_EQ(model.config("scheduler").at("beta_start").number(), 0.00085);
  EXPECT_EQ(model.component("unet"), folder.path() / "unet");
  EXPECT_FALSE(model.defaults().prompt.has_value());
}

TEST(ModelFolder, SaysWhatIsMissing) {
  const TemporaryFolder folder;
  expect_error([&] { ModelFolder(folder.path() / "nowhere"); }, ErrorCode::not_found,
               {"nowhere: no such folder or file, expected a model"});
  expect_error([&] { ModelFolder{folder.path()}; }, ErrorCode::not_found,
               {"model_index.json: no such file"});
  folder.write("model_index.json", index_text);
  const ModelFolder model(folder.path());
  expect_error([&] { model.component("unet"); }, ErrorCode::not_found, {"unet: no such folder"});
  expect_error([&] { model.component("text_encoder"); }, ErrorCode::corrupt_file,
               {"model_index.json", "\"text_encoder\" is missing"});
  expect_error([&] { model.component("safety_checker"); }, ErrorCode::corrupt_file,
               {"\"safety_checker\" is missing"});
}

TEST(ModelFolder, AnOptionalFileThatIsALinkToNowhereIsNamed) {
  const TemporaryFolder folder;
  folder.write("model_index.json", index_text);
  std::filesystem::create_symlink("gone.json", folder.path() / "streamdiffusion.json");
  expect_error([&] { ModelFolder{folder.path()}; }, ErrorCode::not_found,
               {"streamdiffusion.json: a link to gone.json"});
}

TEST(ModelFolder, IsCalledByItsNameOrItsRepositorys) {
  EXPECT_EQ(model_name("models/pictogram"), "pictogram");
  EXPECT_EQ(model_name("models/pictogram/"), "pictogram");
  EXPECT_EQ(model_name("/hub/models--stabilityai--sd-turbo/snapshots/0123/"),
            "stabilityai/sd-turbo");
  EXPECT_EQ(model_name("/hub/models--gpt2/snapshots/0123"), "gpt2");
  EXPECT_EQ(model_name("/hub/other/snapshots/0123"), "0123");
}

TEST(ModelFolder, RefusesAnIndexThatIsNoObject) {
  const TemporaryFolder folder;
  folder.write("model_index.json", "[]");
  expect_error([&] { ModelFolder{folder.path()}; }, ErrorCode::corrupt_file,
               {"model_index.json is an empty array"});
}

ModelDefaults parse(const char* text) {
  return parse_model_defaults(json::Json::parse(text, "streamdiffusion.json"));
}

TEST(ModelDefaults, ReadsEveryKey) {
  const ModelDefaults d =
      parse(R"({"width": 256, "height": 128, "t_index_list": [18, 32], "num_inference_steps": 50,
    "cfg_type": "self", "guidance_scale": 1.2, "delta": 1, "prompt": "red apple", "negative_prompt": "",
    "text_to_image": {"t_index_list": [0, 20], "cfg_type": "full", "guidance_scale": 2}})");
  EXPECT_EQ(d.options.width, 256);
  EXPECT_EQ(d.options.height, 128);
  EXPECT_EQ(d.options.t_index_list, (std::vector<int>{18, 32}));
  EXPECT_EQ(d.options.num_inference_steps, 50);
  EXPECT_EQ(d.options.cfg_type, CfgType::self);
  EXPECT_EQ(d.options.guidance_scale, 1.2F);
  EXPECT_EQ(d.options.delta, 1.0F);
  EXPECT_EQ(d.prompt, "red apple");
  EXPECT_EQ(d.negative_prompt, "");
  EXPECT_EQ(d.text_to_image.t_index_list, (std::vector<int>{0, 20}));
  EXPECT_EQ(d.text_to_image.cfg_type, CfgType::full);
  EXPECT_EQ(d.text_to_image.guidance_scale, 2.0F);
}

TEST(ModelDefaults, RefusesWhatItDoesNotKnow) {
  const auto refused = [](const char* text, const char* message) {
    expect_error([&] { parse(text); }, ErrorCode::corrupt_file, {"streamdiffusion.json", message});
  };
  refused(R"({"widht": 256})", "unknown key \"widht\"");
  refused(R"({"width": 0})", "from 8 to 16384");
  refused(R"({"width": 256.5})", "\"width\" is 256.5");
  refused(R"({"t_index_list": []})", "from 0 to 49");
  refused(R"({"t_index_list": [50], "num_inference_steps": 50})",
          "\"t_index_list\"[0] is 50, expected an integer from 0 to 49");
  refused(R"({"cfg_type": "Self"})", "none, full, self, initialize");
  refused(R"({"guidance_scale": -1})", "a number from 0 to 100");
  refused(R"({"prompt": 3})", "\"prompt\" is 3, expected a string");
  refused(R"(["width"])", "an object");
  refused(R"({"text_to_image": {"width": 256}})", "unknown key \"width\"");
  refused(R"({"text_to_image": {"cfg_type": "self"}})", "none or full");
}

}  // namespace
}  // namespace streamdiffusion::weights
