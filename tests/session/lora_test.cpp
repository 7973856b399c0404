// LoRAs on an engine: fused at load, and scales changed while a session runs.
#include <gtest/gtest.h>

#include <filesystem>

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

/// A LoRA that makes a model fast brings its settings; its name tells it.
TEST_F(Loras, WithARecipeSetStepsSchedulerAndGuidance) {
  const auto named = folder_.path() / "Hyper-SD15-4steps-lora.safetensors";
  std::filesystem::copy_file(folder_ / "unet.safetensors", named);
  const auto recipe = [&](const std::vector<Lora>& loras) { return open(loras).info().recipe; };
  const std::string hyper = "ByteDance/Hyper-SD/Hyper-SD15-4steps-lora.safetensors";
  EXPECT_EQ(recipe({unet(1), {named.string(), 1}}), hyper);
  EXPECT_EQ(recipe({{named.string(), 1}, text(1)}), hyper);
  EXPECT_EQ(recipe({{named.string(), 0}}), "") << "it does not act";
  EXPECT_EQ(recipe({unet(1)}), "");
  const SessionOptions set = open({{named.string(), 1}}).with_defaults({});
  EXPECT_EQ(set.scheduler, Scheduler::ddim);
  EXPECT_EQ(set.num_inference_steps, 4);
  EXPECT_EQ(set.cfg_type, CfgType::none);
  EngineOptions none{.model = model_.path(),
                     .recipe = "none",
                     .lora_dict = {{named.string(), 1}},
                     .device = "ref"};
  EXPECT_EQ(Engine::open(none).info().recipe, "");
}

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

class SdxlLoras : public ::testing::Test {
 protected:
  SdxlLoras() {
    write("te1", "lora_te1_text_model_encoder_layers_0_mlp_fc1", 24);
    write("te1_last", "lora_te1_text_model_encoder_layers_1_mlp_fc1", 24);
    write("te2", "lora_te2_text_model_encoder_layers_0_mlp_fc1", 32);
  }
  void write(const std::string& file, const std::string& module, std::int64_t in) const {
    std::vector<TensorToWrite> tensors;
    add(tensors, module, 48, {in});
    weights::write_safetensors(folder_.path() / (file + ".safetensors"), tensors);
  }
  Lora lora(const std::string& file, float scale) const {
    return {folder_ / (file + ".safetensors"), scale};
  }
  Engine open(const std::vector<Lora>& loras, TextEncoders text_encoders) const {
    EngineOptions options{.model = model_.path(),
                          .lora_dict = loras,
                          .device = SD_TEST_DEVICE,
                          .dtype = DataType::f32,
                          .threads = 1};
    options.text_encoders = text_encoders;
    return Engine::open(options);
  }
  static Session session(Engine& engine) {
    SessionOptions options{
        .width = 32, .height = 32, .t_index_list = {10, 30}, .cfg_type = CfgType::full};
    options.guidance_scale = 2.0F;
    options.keep_tensors = true;
    Session made = engine.session(options);
    made.set_prompt("red apple");
    return made;
  }
  static std::vector<float> run(Session& session) {
    const Image image{32, 32, std::vector<std::uint8_t>(std::size_t{32} * 32 * 3, 90)};
    (void)session.process(image);
    return session.flush().at(0).pixels;
  }
  std::vector<float> image(const std::vector<Lora>& loras) const {
    Engine engine = open(loras, TextEncoders::keep);
    Session made = session(engine);
    return run(made);
  }

  TinyModel model_{testing::TinyFamily::sdxl};
  TemporaryFolder folder_;
};

TEST_F(SdxlLoras, ChangeBothTextEncoders) {
  const auto plain = image({}), first = image({lora("te1", 2)}), second = image({lora("te2", 2)});
  EXPECT_NE(first, plain);
  EXPECT_NE(second, plain);
  EXPECT_NE(first, second);
  EXPECT_NE(image({lora("te1", 2), lora("te2", 2)}), first);
  EXPECT_EQ(image({lora("te1_last", 2)}), plain) << "SDXL does not use the last layer's result";
}

TEST_F(SdxlLoras, ReleasedTextEncodersAreReadAgainUnderOtherScales) {
  Engine engine = open({lora("te1", 1), lora("te2", 1)}, TextEncoders::release);
  Session changing = session(engine);
  for (const bool negative : {false, true}) {
    if (negative) changing.set_negative_prompt("a fish");
    for (const auto& scales :
         {std::vector{2.0F, 0.0F}, std::vector{0.0F, 2.0F}, std::vector{0.0F, 0.0F}}) {
      changing.set_lora_scales(scales);
      const auto found = run(changing);
      Engine fresh = open({lora("te1", scales[0]), lora("te2", scales[1])}, TextEncoders::keep);
      Session expected = session(fresh);
      if (negative) expected.set_negative_prompt("a fish");
      EXPECT_EQ(found, run(expected)) << scales[0] << ' ' << scales[1] << ' ' << negative;
    }
  }
}

TEST_F(SdxlLoras, AreRefusedOnAnotherModel) {
  const TinyModel other;
  expect_error(
      [&] {
        Engine::open({.model = other.path(), .lora_dict = {lora("te2", 1)}, .device = "ref"});
      },
      ErrorCode::unsupported, {"text_encoder_2", "SDXL"});
}

}  // namespace
}  // namespace streamdiffusion
