// LoRAs on an engine: fused at load, and scales changed while a session runs.
#include <gtest/gtest.h>

#include "streamdiffusion/engine.h"
#include "support/errors.h"
#include "support/temporary_folder.h"
#include "support/tiny_model.h"
#include "weights/hash_weights.h"
#include "weights/safetensors.h"

namespace streamdiffusion {
namespace {

using base::ErrorCode;
using testing::expect_error;
using testing::TemporaryFolder;
using testing::TinyModel;
using weights::TensorToWrite;

TensorToWrite hashed(const std::string& name, std::vector<std::int64_t> dims) {
  std::size_t count = 1;
  for (const std::int64_t dim : dims) count *= static_cast<std::size_t>(dim);
  TensorToWrite tensor{name, dims, std::vector<float>(count)};
  weights::HashWeights().read_f32(name, dims, tensor.values);
  return tensor;
}

void add(std::vector<TensorToWrite>& tensors, const std::string& module, std::int64_t out,
         std::vector<std::int64_t> in) {
  in.insert(in.begin(), 4);
  tensors.push_back(hashed(module + ".lora_down.weight", in));
  tensors.push_back(hashed(module + ".lora_up.weight", {out, 4}));
}

class Loras : public ::testing::Test {
 protected:
  Loras() {
    std::vector<TensorToWrite> unet;
    add(unet, "lora_unet_conv_in", 16, {4, 3, 3});
    add(unet, "lora_unet_mid_block_attentions_0_transformer_blocks_0_attn2_to_k", 32, {24});
    weights::write_safetensors(folder_.path() / "unet.safetensors", unet);
    std::vector<TensorToWrite> text;
    add(text, "lora_te_text_model_encoder_layers_0_mlp_fc1", 48, {24});
    weights::write_safetensors(folder_.path() / "text.safetensors", text);
  }
  Engine open(const std::vector<Lora>& loras) const {
    return Engine::open({.model = model_.path(),
                         .lora_dict = loras,
                         .device = SD_TEST_DEVICE,
                         .dtype = DataType::f32,
                         .threads = 1});
  }
  Lora unet(float scale) const { return {folder_ / "unet.safetensors", scale}; }
  Lora text(float scale) const { return {folder_ / "text.safetensors", scale}; }

  static Session session(Engine& engine, const std::vector<float>& scales = {}) {
    Session made = engine.session({.width = 32,
                                   .height = 32,
                                   .t_index_list = {10, 30},
                                   .lora_scales = scales,
                                   .keep_tensors = true});
    made.set_prompt("red apple");
    return made;
  }
  static Image frame(int number) {
    Image image{32, 32, {}};
    for (int i = 0; i < 32 * 32 * 3; ++i) {
      image.rgb.push_back(static_cast<std::uint8_t>(i * 7 + 31 * number));
    }
    return image;
  }
  /// The pixels of the frames that come out of these.
  static std::vector<std::vector<float>> run(Session& session, int frames) {
    std::vector<std::vector<float>> out;
    for (int i = 0; i < frames; ++i) {
      if (auto output = session.process(frame(i))) out.push_back(output->pixels);
    }
    for (Output& output : session.flush()) out.push_back(output.pixels);
    return out;
  }
  std::vector<std::vector<float>> images(const std::vector<Lora>& loras) const {
    Engine engine = open(loras);
    Session made = session(engine);
    return run(made, 3);
  }

  TinyModel model_;
  TemporaryFolder folder_;
};

TEST_F(Loras, ChangeTheImagesAndCostNothingAtScaleZero) {
  const auto plain = images({});
  EXPECT_EQ(images({unet(0), text(0)}), plain);
  const auto changed = images({unet(0.7F)});
  EXPECT_NE(changed, plain);
  EXPECT_NE(images({text(0.7F)}), plain);
  EXPECT_NE(images({unet(0.7F), text(0.7F)}), changed);
  EXPECT_NE(images({unet(-0.7F)}), changed);
}

TEST_F(Loras, ScalesChangedAnyNumberOfTimesGiveTheBitsOfAFreshLoad) {
  Engine engine = open({unet(1), text(0.5F)});
  Session changing = session(engine);
  for (int i = 0; i < 20; ++i) {
    changing.set_lora_scales({0.1F * static_cast<float>(i), 1.0F - 0.3F * static_cast<float>(i)});
    (void)changing.process(frame(i));
  }
  changing.flush();
  for (const auto& scales : {std::vector{0.3F, -2.0F}, std::vector{0.0F, 0.0F}}) {
    changing.set_lora_scales(scales);
    EXPECT_EQ(run(changing, 3), images({unet(scales[0]), text(scales[1])}));
  }
}

TEST_F(Loras, FramesInFlightGoOnUnderTheNewScales) {
  Engine engine = open({unet(1)});
  Session changing = session(engine), steady = session(engine);
  EXPECT_FALSE(changing.process(frame(0)));
  EXPECT_FALSE(steady.process(frame(0)));
  changing.set_lora_scales({0.2F});
  const auto next = changing.process(frame(1)), same = steady.process(frame(1));
  ASSERT_TRUE(next && same);
  EXPECT_EQ(next->frame_id, 0U);
  EXPECT_NE(next->pixels, same->pixels);
}

TEST_F(Loras, EverySessionHasScalesOfItsOwn) {
  Engine engine = open({unet(1), text(1)});
  Session a = session(engine, {0.5F, 0.5F}), b = session(engine, {2, 0});
  const auto first = run(a, 2), second = run(b, 2);
  EXPECT_NE(first, second);
  EXPECT_EQ(first, [&] {
    Session again = session(engine, {0.5F, 0.5F});
    return run(again, 2);
  }());
}

TEST_F(Loras, PreparedScalesAreSharedAndReleased) {
  Engine engine = open({unet(1)});
  Session made = session(engine);
  const std::size_t before = engine.info().weight_bytes;
  SessionOptions options{.width = 32,
                         .height = 32,
                         .t_index_list = {10, 30},
                         .lora_scales = {0.5F},
                         .keep_tensors = true};
  auto prepared = engine.prepare_lora_scales(options);
  const std::size_t both = engine.info().weight_bytes;
  EXPECT_GT(both, before);
  EXPECT_LT(both, 2 * before) << "unchanged weights are shared";
  made.set_lora_scales({0.5F});
  prepared.reset();
  EXPECT_EQ(engine.info().weight_bytes, before);
}

TEST_F(Loras, ErrorsNameWhatIsWrong) {
  Engine engine = open({unet(1)});
  expect_error(
      [&] {
        engine.check({.width = 32, .height = 32, .lora_scales = {1, 2}});
      },
      ErrorCode::invalid_argument, {"lora_scales has 2 entries", "1 LoRAs"});
  expect_error([&] { engine.check({.width = 32, .height = 32, .lora_scales = {11}}); },
               ErrorCode::invalid_argument, {"lora_scales", "-10 to 10"});
  expect_error([&] { open({{folder_ / "none.safetensors", 1}}); }, ErrorCode::not_found, {"none"});
  Session made = session(engine);
  expect_error([&] { made.set_lora_scales({}); }, ErrorCode::invalid_argument, {"lora_scales"});
}

}  // namespace
}  // namespace streamdiffusion
