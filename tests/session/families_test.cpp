// Sessions of models that take more than a prompt: SDXL's pooled embedding and size, and the
// guidance scale of latent consistency models.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <functional>

#include "session/engine_impl.h"
#include "session/prompts.h"
#include "streamdiffusion/streamdiffusion.h"
#include "support/tiny_model.h"

namespace streamdiffusion {
namespace {

using ::testing::HasSubstr;
using testing::TinyFamily;
using testing::TinyModel;

EngineOptions options_of(const TinyModel& model) {
  return {.model = model.path(), .device = SD_TEST_DEVICE, .dtype = DataType::f32, .threads = 2};
}

Engine sdxl() {
  static const TinyModel model(TinyFamily::sdxl);
  static const Engine engine = Engine::open(options_of(model));
  return engine;
}

Engine lcm() {
  static const TinyModel model(TinyFamily::lcm);
  static const Engine engine = Engine::open(options_of(model));
  return engine;
}

SessionOptions two_steps(CfgType cfg = CfgType::none) {
  return {.width = 32,
          .height = 24,
          .t_index_list = {22, 45},
          .cfg_type = cfg,
          .guidance_scale = 2.0F,
          .parallel = Parallel::ops,
          .keep_tensors = true};
}

Image gray_image() {
  return {32, 24, std::vector<std::uint8_t>(std::size_t{32} * 24 * 3, 90)};
}

/// Latents of one frame that runs alone.
std::vector<float> latents(Session& session) {
  std::vector<Output> outputs = session.process(std::vector<ImageView>{gray_image()});
  for (Output& output : session.flush()) outputs.push_back(std::move(output));
  return outputs.at(0).latents;
}

std::vector<float> latents(
    Engine engine, const SessionOptions& options,
    const std::function<void(Session&)>& change = [](Session&) {}) {
  Session session = engine.session(options);
  change(session);
  return latents(session);
}

double difference(const std::vector<float>& a, const std::vector<float>& b) {
  double most = 0;
  for (std::size_t i = 0; i < a.size(); ++i) most = std::max<double>(most, std::abs(a[i] - b[i]));
  return most;
}

constexpr CfgType kAllTypes[]{CfgType::none, CfgType::full, CfgType::self, CfgType::initialize};

TEST(Sdxl, StreamBatchGivesWhatSequentialGivesWithEveryGuidance) {
  for (const CfgType cfg : kAllTypes) {
    SessionOptions options = two_steps(cfg);
    const auto batch = latents(sdxl(), options);
    options.use_denoising_batch = false;
    EXPECT_LT(difference(batch, latents(sdxl(), options)), 1e-4) << static_cast<int>(cfg);
  }
}

TEST(Sdxl, RowsOnTheirOwnThreadsGiveTheSame) {
  SessionOptions options = two_steps(CfgType::initialize);
  const auto ops = latents(sdxl(), options);
  options.parallel = Parallel::rows;
  EXPECT_LT(difference(ops, latents(sdxl(), options)), 1e-4);
}

TEST(Sdxl, AChangeGivesWhatANewSessionGives) {
  const std::vector<std::pair<const char*, std::function<void(Session&)>>> changes{
      {"prompt", [](Session& s) { s.set_prompt("red apple"); }},
      {"negative prompt", [](Session& s) { s.set_negative_prompt("red apple"); }},
      {"timesteps",
       [](Session& s) {
         s.set_t_index_list({2, 48});
       }},
      {"guidance", [](Session& s) { s.set_guidance_scale(4); }}};
  for (const auto& [name, change] : changes) {
    const auto fresh = latents(sdxl(), two_steps(CfgType::full), change);
    Session session = sdxl().session(two_steps(CfgType::full));
    const auto before = latents(session);
    change(session);
    EXPECT_EQ(latents(session), fresh) << name;
    EXPECT_NE(before, fresh) << name;
  }
}

TEST(Sdxl, FollowsTheSizeThatItIsTold) {
  const auto plain = latents(sdxl(), two_steps());
  SessionOptions same = two_steps();
  same.original_width = same.target_width = 32;
  same.original_height = same.target_height = 24;
  same.crop_left = same.crop_top = 0;
  EXPECT_EQ(latents(sdxl(), same), plain);
  for (auto member : {&SessionOptions::original_width, &SessionOptions::original_height,
                      &SessionOptions::crop_left, &SessionOptions::crop_top,
                      &SessionOptions::target_width, &SessionOptions::target_height}) {
    SessionOptions other = two_steps();
    other.*member = 1024;
    EXPECT_NE(latents(sdxl(), other), plain);
  }
}

TEST(Sdxl, WithoutANegativePromptZerosStandForIt) {
  const auto given_empty = [](Session& s) { s.set_negative_prompt(""); };
  EXPECT_NE(latents(sdxl(), two_steps(CfgType::full)),
            latents(sdxl(), two_steps(CfgType::full), given_empty));
  const TinyModel model(TinyFamily::sdxl);
  std::string index = R"({"_class_name": "StableDiffusionXLPipeline",
    "unet": ["diffusers", "UNet2DConditionModel"], "vae": ["diffusers", "AutoencoderTiny"],
    "text_encoder": ["transformers", "CLIPTextModel"], "tokenizer": ["transformers", "CLIPTokenizer"],
    "text_encoder_2": ["transformers", "CLIPTextModelWithProjection"],
    "tokenizer_2": ["transformers", "CLIPTokenizer"], "force_zeros_for_empty_prompt": false,
    "scheduler": ["diffusers", "LCMScheduler"]})";
  model.write("model_index.json", index);
  const Engine encodes = Engine::open(options_of(model));
  EXPECT_EQ(latents(encodes, two_steps(CfgType::full)),
            latents(encodes, two_steps(CfgType::full), given_empty));
}

TEST(Sdxl, BlendsThePooledEmbeddingsWithTheSameWeights) {
  const TinyModel model(TinyFamily::sdxl);
  Engine::Impl engine(options_of(model), {});
  const auto apple = engine.prompts.encode("red apple", {}),
             fish = engine.prompts.encode("a fish", {});
  ASSERT_EQ(apple->pooled.size(), 20U);
  ASSERT_EQ(apple->context.size(), 16U * 56);
  const auto mixed = session::blend(engine.prompts, {{"red apple", 1.0F}, {"a fish", 3.0F}},
                                    Interpolation::linear, {})
                         .blend;
  for (const auto part : {&session::PromptEmbedding::pooled, &session::PromptEmbedding::context}) {
    for (std::size_t i = 0; i < (mixed.*part).size(); ++i) {
      ASSERT_NEAR((mixed.*part)[i], 0.25 * ((*apple).*part)[i] + 0.75 * ((*fish).*part)[i], 1e-5);
    }
  }
}

TEST(Sdxl, ReleasedTextEncodersAreReadAgainForANewPrompt) {
  const TinyModel model(TinyFamily::sdxl);
  EngineOptions options = options_of(model);
  options.text_encoders = TextEncoders::keep;
  Engine keeps = Engine::open(options);
  options.text_encoders = TextEncoders::release;
  Engine releases = Engine::open(options);
  Session kept = keeps.session(two_steps()), released = releases.session(two_steps());
  if (keeps.info().weight_bytes > 0) {  // the reference device does not count them
    EXPECT_LT(releases.info().weight_bytes, keeps.info().weight_bytes);
  }
  for (const char* prompt : {"red apple", "a fish", "red apple"}) {
    kept.set_prompt(prompt);
    released.set_prompt(prompt);
    EXPECT_EQ(latents(kept), latents(released));
  }
}

TEST(Sdxl, SaysWhatItWillNeed) {
  const TinyModel model(TinyFamily::sdxl);
  Engine engine = Engine::open(options_of(model));
  const MemoryNeed need = engine.memory_need(two_steps());
  EXPECT_GT(need.text_encoders, 0U);
  Session session = engine.session(two_steps());
  const auto loaded = static_cast<double>(engine.info().weight_bytes);
  if (loaded > 0) {
    // A kernel of 8 to 32 channels is padded to whole vectors, which is not counted.
    EXPECT_GE(static_cast<double>(need.weights()), 0.7 * loaded);
    EXPECT_LE(static_cast<double>(need.weights()), 1.5 * loaded);
  }
  SessionOptions larger = two_steps();
  larger.width = 64;
  EXPECT_GT(engine.memory_need(larger).activations, need.activations);
}

std::string refusal(const EngineOptions& options) {
  try {
    Engine::open(options);
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

TEST(Sdxl, RefusesTheTinyAutoencoderOfTheOtherFamily) {
  const TinyModel own(TinyFamily::sdxl), other(TinyFamily::sd);
  const auto named = [&](const std::string& name) {
    const auto folder = std::filesystem::path(own.path()) / name;
    std::filesystem::copy(std::filesystem::path(own.path()) / "vae", folder);
    return folder.string();
  };
  EngineOptions sdxl = options_of(own), sd = options_of(other);
  sdxl.vae = sd.vae = named("taesd");
  EXPECT_THAT(refusal(sdxl), HasSubstr("expected taesdxl"));
  EXPECT_EQ(refusal(sd), "");
  sdxl.vae = sd.vae = named("models--madebyollin--taesdxl");
  EXPECT_THAT(refusal(sd), HasSubstr("expected taesd "));
  EXPECT_EQ(refusal(sdxl), "");
  sdxl.vae = named("another");
  EXPECT_EQ(refusal(sdxl), "");
}

TEST(Sdxl, RefusesWhatItIsNot) {
  const TinyModel model(TinyFamily::sdxl);
  model.write("text_encoder_2/config.json", R"({"hidden_size": 32, "intermediate_size": 48,
    "num_hidden_layers": 2, "num_attention_heads": 2, "max_position_embeddings": 16,
    "vocab_size": 4096, "projection_dim": 24})");
  EXPECT_THAT(refusal(options_of(model)), HasSubstr("\"projection_dim\" is 24"));
  model.write("model_index.json", R"({"requires_aesthetics_score": true,
    "unet": ["diffusers", "UNet2DConditionModel"], "vae": ["diffusers", "AutoencoderTiny"],
    "text_encoder": [null, null], "scheduler": ["diffusers", "LCMScheduler"]})");
  EXPECT_THAT(refusal(options_of(model)), HasSubstr("refiner"));
}

TEST(GuidanceEmbedding, TheScaleActsWithoutNegativeRows) {
  const SessionOptions full = lcm().with_defaults({});
  EXPECT_EQ(full.cfg_type, CfgType::none);
  EXPECT_EQ(full.guidance_scale, 8.5F);
  EXPECT_TRUE(lcm().info().guidance_embedding);
  SessionOptions strong = two_steps();
  strong.guidance_scale = 8.0F;
  EXPECT_NE(latents(lcm(), two_steps()), latents(lcm(), strong));
  strong.use_denoising_batch = false;
  const auto sequential = latents(lcm(), strong);
  strong.use_denoising_batch = true;
  EXPECT_LT(difference(latents(lcm(), strong), sequential), 1e-4);
}

TEST(GuidanceEmbedding, AChangeOfTheScaleGivesWhatANewSessionGives) {
  SessionOptions strong = two_steps();
  strong.guidance_scale = 8.0F;
  Session session = lcm().session(two_steps());
  latents(session);
  session.set_guidance_scale(8);
  EXPECT_EQ(latents(session), latents(lcm(), strong));
}

TEST(GuidanceEmbedding, OtherGuidanceIsRefused) {
  for (const CfgType cfg : {CfgType::full, CfgType::self, CfgType::initialize}) {
    try {
      lcm().check(two_steps(cfg));
      ADD_FAILURE();
    } catch (const Error& error) {
      EXPECT_THAT(error.what(), HasSubstr("takes the guidance scale as an input"));
    }
  }
}

}  // namespace
}  // namespace streamdiffusion
