// Scales of LoRAs on a running stream: between two frames, with the weights prepared beside it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "live/failing_allocation.h"
#include "live/support.h"
#include "support/temporary_folder.h"
#include "support/tiny_controlnet.h"
#include "support/tiny_model.h"
#include "support/wait.h"
#include "weights/hash_weights.h"
#include "weights/safetensors.h"

namespace streamdiffusion {
namespace {

using namespace testing;

/// Of a prompt of the tiny model: 16 tokens of 24 channels.
constexpr std::size_t kEmbeddingBytes = 16 * 24 * sizeof(float);

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

/// Each of the prompts is blended in for a minute, and frames are drawn meanwhile.
class Blending {
 public:
  Blending(const Engine& engine, Receiver& receiver)
      : receiver_(receiver),
        live_(engine, settings_, {QueuePolicy::Kind::block, 2}, receiver.callbacks()) {
    settings_.transition_seconds = 60;
    for (const char* text : {"blue fish", "green frog"}) {
      settings_.prompts = {{text, 1.0F}};
      change();
      push(2);
    }
  }
  LiveSession& live() { return live_; }
  LiveSettings& settings() { return settings_; }
  /// Until it is prepared. Returns its number.
  std::uint64_t change() {
    const std::uint64_t number = live_.change(settings_);
    wait_until("the change", [&] { return live_.changes().prepared == number; });
    return number;
  }
  void push(int count) {
    for (int i = 0; i < count; ++i) live_.submit(numbered_frame(3));
    submitted_ += static_cast<std::size_t>(count);
    receiver_.wait_for(submitted_ - 1);  // two steps: an image comes with the next frame
  }

 private:
  Receiver& receiver_;
  LiveSettings settings_ = small();
  LiveSession live_;
  std::size_t submitted_ = 0;
};

/// Changes the scales of a stream whose prompts are blended while the text encoder cannot be read.
void change_without_encoder(Engine engine, const std::string& model, CfgType guidance) {
  Receiver receiver;
  Blending stream(engine, receiver);
  stream.settings().options.cfg_type = guidance;
  stream.change();
  stream.push(3);
  stream.settings().options.lora_scales = {0.5F};
  const std::uint64_t number = stream.change();
  EXPECT_LT(stream.live().changes().applied, number);
  engine.encode_prompt("another scale", {0.7F});
  std::filesystem::resize_file(model + "/text_encoder/model.safetensors", 100);
  EXPECT_THROW(engine.encode_prompt("yet another", {0.6F}), Error);
  stream.push(3);
  EXPECT_EQ(stream.live().changes().applied, number);
  stream.live().drain();
  EXPECT_TRUE(receiver.errors().empty()) << receiver.errors().front();
  EXPECT_EQ(stream.live().settings().options.lora_scales, std::vector{0.5F});
  expect_balanced(stream.live().counters());
}

TEST_F(LiveLoras, ATransitionNeedsNoTextEncoderUnderNewScales) {
  change_without_encoder(open(1), model_.path(), CfgType::self);
}

TEST_F(LiveLoras, NorDoesAGuidedOneWithoutANegativePrompt) {
  change_without_encoder(open(1), model_.path(), CfgType::full);
}

TEST_F(LiveLoras, AChangeThatCannotBeAppliedIsTakenBack) {
  Receiver receiver;
  Blending stream(open(1), receiver);
  LiveSession& live = stream.live();
  stream.settings().options.lora_scales = {0.5F};
  stream.settings().options.guidance_scale = 1.7F;
  EXPECT_EQ(stream.change(), 3U);
  EXPECT_EQ(live.changes().applied, 2U);
  {
    const FailingAllocation embedding(kEmbeddingBytes);  // the next one, of the engine thread
    stream.push(3);
    EXPECT_TRUE(embedding.failed());
  }
  ASSERT_EQ(receiver.errors().size(), 1U);
  EXPECT_THAT(receiver.errors()[0], ::testing::HasSubstr("there is not enough memory"));
  EXPECT_EQ(live.settings().options.lora_scales, std::vector{1.0F});
  EXPECT_NE(live.settings().options.guidance_scale, 1.7F);
  EXPECT_EQ(live.changes().current, 2U);
  EXPECT_EQ(live.changes().prepared, 2U);
  EXPECT_EQ(live.state(), LiveState::running);

  stream.settings().options.lora_scales = {1};  // the next change starts from what holds
  EXPECT_EQ(stream.change(), 4U);
  stream.push(1);
  live.drain();
  EXPECT_EQ(live.changes().applied, 4U);
  EXPECT_EQ(live.settings().options.guidance_scale, 1.7F);
  EXPECT_EQ(receiver.errors().size(), 1U);
  expect_balanced(live.counters());
}

TEST_F(LiveLoras, ChangesThatWaitTogetherCompileNothingBetweenFrames) {
  Receiver receiver;
  const std::string net = write_tiny_controlnet(model_, folder_, "net", 1.5F);
  const Engine engine = Engine::open({.model = model_.path(),
                                      .lora_dict = {{folder_ / "style.safetensors", 1}},
                                      .controlnets = {{net, {}}},
                                      .device = SD_TEST_DEVICE,
                                      .dtype = DataType::f32,
                                      .threads = 1});
  LiveSettings settings = small();
  LiveSession live(engine, settings, {QueuePolicy::Kind::block, 2}, receiver.callbacks());
  const auto change = [&] {
    const std::uint64_t number = live.change(settings);
    ASSERT_TRUE(wait_until("the change", [&] { return live.changes().prepared == number; }));
  };
  for (int i = 0; i < 3; ++i) live.submit(numbered_frame(3));
  ASSERT_TRUE(receiver.wait_for(2));
  settings.options.lora_scales = {0.5F};
  change();
  settings.options.control_settings = {{.enabled = false}};
  change();
  settings.options.lora_scales = {0.7F};
  change();
  for (const auto& entry : std::filesystem::directory_iterator(model_.path() + "/unet")) {
    if (entry.path().extension() == ".safetensors")
      std::filesystem::resize_file(entry.path(), 100);  // it can no more be read
  }
  for (int i = 0; i < 3; ++i) live.submit(numbered_frame(3));
  live.drain();
  EXPECT_TRUE(receiver.errors().empty()) << receiver.errors().front();
  EXPECT_EQ(live.changes().applied, 3U);
  EXPECT_EQ(receiver.outputs().size(), 6U);
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
