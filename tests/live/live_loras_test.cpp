// Scales of LoRAs on a running stream: between two frames, with the weights prepared beside it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "live/support.h"
#include "support/temporary_folder.h"
#include "support/tiny_model.h"
#include "support/wait.h"
#include "weights/hash_weights.h"
#include "weights/safetensors.h"

namespace streamdiffusion {
namespace {

using namespace testing;

weights::TensorToWrite hashed(const std::string& name, std::vector<std::int64_t> dims) {
  std::size_t count = 1;
  for (const std::int64_t dim : dims) count *= static_cast<std::size_t>(dim);
  weights::TensorToWrite tensor{name, dims, std::vector<float>(count)};
  weights::HashWeights().read_f32(name, dims, tensor.values);
  return tensor;
}

class LiveLoras : public ::testing::Test {
 protected:
  LiveLoras() {
    const std::vector<weights::TensorToWrite> tensors{
        hashed("lora_unet_conv_in.lora_down.weight", {4, 4, 3, 3}),
        hashed("lora_unet_conv_in.lora_up.weight", {16, 4, 1, 1}),
        hashed("lora_te_text_model_encoder_layers_0_mlp_fc1.lora_down.weight", {4, 24}),
        hashed("lora_te_text_model_encoder_layers_0_mlp_fc1.lora_up.weight", {48, 4})};
    weights::write_safetensors(folder_.path() / "style.safetensors", tensors);
  }
  Engine open(float scale) const {
    return Engine::open({.model = model_.path(),
                         .lora_dict = {{folder_ / "style.safetensors", scale}},
                         .device = SD_TEST_DEVICE,
                         .dtype = DataType::f32,
                         .threads = 1});
  }
  TinyModel model_;
  TemporaryFolder folder_;
};

TEST_F(LiveLoras, ChangeARunningStreamToTheBitsOfAFreshLoad) {
  Receiver receiver;
  LiveSettings settings = small();
  LiveSession live(open(1), settings, {QueuePolicy::Kind::block, 2}, receiver.callbacks());
  std::size_t count = 0;
  const auto push = [&] {
    live.submit(numbered_frame(3));
    return receiver.wait_for(++count - 1);  // two steps: an image comes with the next frame
  };
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(push());
  for (const float scale : {0.3F, -1.0F, 0.5F}) {
    settings.options.lora_scales = {scale};
    live.change(settings);
    ASSERT_TRUE(wait_until("the change", [&] { return !live.reconfiguring(); }));
    for (int i = 0; i < 3; ++i) ASSERT_TRUE(push());
  }
  live.drain();
  EXPECT_TRUE(receiver.errors().empty());
  EXPECT_EQ(live.settings().options.lora_scales, std::vector{0.5F});
  expect_balanced(live.counters());
  const Image last = *receiver.outputs().back().image;

  const Image expected = settled_image(open(0.5F).session(small().options));
  EXPECT_EQ(last.rgb, expected.rgb);
  EXPECT_NE(last.rgb, receiver.outputs()[1].image->rgb);
}

TEST_F(LiveLoras, AChangeThatCannotBeAppliedIsTakenBack) {
  Receiver receiver;
  Engine engine = open(1);
  LiveSettings settings = small();
  LiveSession live(engine, settings, {QueuePolicy::Kind::block, 2}, receiver.callbacks());
  settings.prompts = {{"blue fish", 1.0F}};
  settings.transition_seconds = 60;
  EXPECT_EQ(live.change(settings), 1U);
  ASSERT_TRUE(wait_until("the prompt", [&] { return !live.reconfiguring(); }));
  for (int i = 0; i < 2; ++i) live.submit(numbered_frame(3));
  ASSERT_TRUE(receiver.wait_for(1));

  // The transition needs "red apple" under the new scale, and its encoder can no more be read.
  settings.options.lora_scales = {0.5F};
  settings.options.guidance_scale = 1.7F;
  EXPECT_EQ(live.change(settings), 2U);
  ASSERT_TRUE(wait_until("the scale", [&] { return live.changes().prepared == 2; }));
  EXPECT_EQ(live.changes().applied, 1U);
  engine.encode_prompt("another scale", {0.7F});
  std::filesystem::resize_file(model_.path() + "/text_encoder/model.safetensors", 100);
  for (int i = 0; i < 3; ++i) live.submit(numbered_frame(3));
  ASSERT_TRUE(receiver.wait_for(4));
  ASSERT_EQ(receiver.errors().size(), 1U);
  EXPECT_THAT(receiver.errors()[0], ::testing::HasSubstr("when it was opened"));
  EXPECT_EQ(live.settings().options.lora_scales, std::vector{1.0F});
  EXPECT_NE(live.settings().options.guidance_scale, 1.7F);
  EXPECT_EQ(live.changes().current, 1U);
  EXPECT_EQ(live.changes().prepared, 1U);
  EXPECT_EQ(live.state(), LiveState::running);

  settings.options.lora_scales = {1};  // the next change starts from what holds
  EXPECT_EQ(live.change(settings), 3U);
  ASSERT_TRUE(wait_until("the guidance", [&] { return !live.reconfiguring(); }));
  live.submit(numbered_frame(3));
  live.drain();
  EXPECT_EQ(live.changes().applied, 3U);
  EXPECT_EQ(live.settings().options.guidance_scale, 1.7F);
  EXPECT_EQ(receiver.errors().size(), 1U);
  expect_balanced(live.counters());
}

TEST_F(LiveLoras, ScalesThatTheEngineDoesNotHaveAreRefused) {
  Receiver receiver;
  LiveSettings settings = small();
  LiveSession live(open(1), settings, {}, receiver.callbacks());
  settings.options.lora_scales = {1, 2};
  EXPECT_THROW(live.change(settings), Error);
  EXPECT_EQ(live.settings().options.lora_scales, std::vector{1.0F});
}

}  // namespace
}  // namespace streamdiffusion
