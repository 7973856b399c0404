// Whole models in one file: equal bits to the folder of the same weights, and what is refused.
#include "weights/single_file.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <fstream>
#include <functional>
#include <numeric>

#include "models/clip_text.h"
#include "models/count_parameters.h"
#include "models/unet.h"
#include "streamdiffusion/engine.h"
#include "streamdiffusion/names.h"
#include "support/errors.h"
#include "support/ldm_file.h"
#include "support/temporary_folder.h"
#include "weights/hash_weights.h"

namespace streamdiffusion {
namespace {

using base::ErrorCode;
using testing::expect_error;
using testing::TemporaryFolder;
using weights::TensorToWrite;

constexpr int kSmallVocabulary = 60;

Image ramp(int width, int height) {
  Image image{width, height, {}};
  for (int i = 0; i < width * height * 3; ++i)
    image.rgb.push_back(static_cast<std::uint8_t>(i * 7));
  return image;
}

std::vector<float> pixels(const std::string& model, const std::vector<Lora>& loras = {},
                          const std::string& unet = {}) {
  Engine engine = Engine::open({.model = model,
                                .unet = unet,
                                .lora_dict = loras,
                                .device = SD_TEST_DEVICE,
                                .dtype = DataType::f32,
                                .threads = 1});
  Session session =
      engine.session({.width = 32, .height = 32, .t_index_list = {25}, .keep_tensors = true});
  session.set_prompt("a photo of a cat");
  return session.process(ramp(32, 32)).value().pixels;
}

/// The two factors of a LoRA of rank 2.
void add_lora(std::vector<TensorToWrite>& tensors, const std::string& module, std::int64_t out,
              std::vector<std::int64_t> in) {
  in.insert(in.begin(), 2);
  for (const auto& [part, dims] : {std::pair{".lora_down.weight", in},
                                   std::pair{".lora_up.weight", std::vector{out, in.front()}}}) {
    const std::int64_t count =
        std::accumulate(dims.begin(), dims.end(), std::int64_t{1}, std::multiplies<>());
    tensors.push_back({module + part, dims, std::vector<float>(static_cast<std::size_t>(count))});
    weights::HashWeights().read_f32(module + part, dims, tensors.back().values);
  }
}

/// On the UNet's first layer, and on a projection that OpenCLIP stores in one with two others.
void write_lora(const testing::TinyConfigs& configs, const std::filesystem::path& file) {
  std::vector<TensorToWrite> tensors;
  add_lora(tensors, "lora_unet_conv_in", 64, {4, 3, 3});
  const std::string key = "\"hidden_size\": ";
  const std::int64_t width =
      std::stol(configs.text_encoder.substr(configs.text_encoder.find(key) + key.size()));
  const std::string encoder = configs.text_encoder_2.empty() ? "lora_te" : "lora_te1";
  add_lora(tensors, encoder + "_text_model_encoder_layers_0_self_attn_k_proj", width, {width});
  weights::write_safetensors(file, tensors);
}

/// Without and with a LoRA.
void expect_bits_of_the_folder(const testing::TinyConfigs& configs) {
  const TemporaryFolder folder;
  const auto file = folder.path() / "model.safetensors";
  weights::write_safetensors(file, testing::ldm_tensors(configs));
  testing::write_folder(configs, folder.path() / "folder");
  const std::vector<float> expected = pixels((folder.path() / "folder").string());
  ASSERT_EQ(expected.size(), 32U * 32U * 3U);
  EXPECT_EQ(pixels(file.string()), expected);

  write_lora(configs, folder.path() / "lora.safetensors");
  const std::vector<Lora> lora{{folder / "lora.safetensors", 0.7F}};
  const std::vector<float> styled = pixels((folder.path() / "folder").string(), lora);
  EXPECT_NE(styled, expected);
  EXPECT_EQ(pixels(file.string(), lora), styled);
}

TEST(SingleFiles, GiveTheBitsOfTheFolderOfTheSameWeights) {
  expect_bits_of_the_folder(testing::tiny_stable_diffusion(1, 49408));
}

TEST(SingleFiles, OfStableDiffusion2GiveTheBitsOfTheFolderOfTheSameWeights) {
  expect_bits_of_the_folder(testing::tiny_stable_diffusion(2, 49408));
}

TEST(SingleFiles, OfSdxlGiveTheBitsOfTheFolderOfTheSameWeights) {
  expect_bits_of_the_folder(testing::tiny_sdxl(49408));
}

TEST(SingleFiles, OfSdxsGiveTheBitsOfTheFolderOfTheSameWeights) {
  testing::TinyConfigs configs = testing::tiny_sdxs(49408);
  expect_bits_of_the_folder(configs);
  configs.by_script = true;
  expect_bits_of_the_folder(configs);
}

/// Of the settings that a scheduler's config bears on.
std::vector<SessionOptions> every_schedule() {
  std::vector<SessionOptions> all;
  for (const auto& [scheduler_name, scheduler] : kSchedulers) {
    for (const auto& [spacing_name, spacing] : kTimestepSpacings) {
      all.push_back({.width = 32,
                     .height = 32,
                     .t_index_list = {2, 3},
                     .num_inference_steps = 4,
                     .scheduler = scheduler,
                     .timestep_spacing = spacing,
                     .cfg_type = CfgType::none,
                     .keep_tensors = true});
    }
  }
  return all;
}

/// The published folders of all three families have "steps_offset" 1 and "set_alpha_to_one" false.
TEST(SingleFiles, GiveTheBitsOfTheFolderWithEverySchedulerAndGrid) {
  const auto configs = testing::tiny_stable_diffusion(1, 49408);
  const TemporaryFolder folder;
  const auto file = folder.path() / "model.safetensors";
  weights::write_safetensors(file, testing::ldm_tensors(configs));
  testing::write_folder(configs, folder.path() / "folder");
  const auto open = [](const std::string& model) {
    return Engine::open(
        {.model = model, .device = SD_TEST_DEVICE, .dtype = DataType::f32, .threads = 1});
  };
  Engine of_file = open(file.string()), of_folder = open(folder / "folder");
  for (const SessionOptions& options : every_schedule()) {
    const auto last = [&](Engine& engine) {
      Session session = engine.session(options);
      session.set_prompt("a photo of a cat");
      session.process(ramp(32, 32));
      return session.process(ramp(32, 32)).value().pixels;
    };
    EXPECT_EQ(last(of_file), last(of_folder)) << of_file.session(options).description();
  }
}

/// What a pruned file may lack. Of SDXL, whose family decides the text's names and the scale.
TEST(SingleFiles, AreCompletedByAUNet) {
  const TemporaryFolder folder;
  const auto file = folder.path() / "model.safetensors", unet = folder.path() / "u.safetensors";
  auto tensors = testing::ldm_tensors(testing::tiny_sdxl(49408));
  const auto of_unet = [](const TensorToWrite& tensor) {
    return tensor.name.starts_with("model.diffusion_model.");
  };
  weights::write_safetensors(file, tensors);
  const std::vector<float> expected = pixels(file.string());
  std::vector<TensorToWrite> network;
  std::ranges::copy_if(tensors, std::back_inserter(network), of_unet);
  weights::write_safetensors(unet, network);
  std::erase_if(tensors, of_unet);
  weights::write_safetensors(file, tensors);
  EXPECT_EQ(pixels(file.string(), {}, unet.string()), expected);
  expect_error([&] { pixels(file.string()); }, ErrorCode::unsupported, {"no UNet", "--unet"});
  std::vector<TensorToWrite> other = testing::ldm_tensors(testing::tiny_stable_diffusion(2, 49408));
  std::erase_if(other, std::not_fn(of_unet));
  weights::write_safetensors(unet, other);
  expect_error([&] { pixels(file.string(), {}, unet.string()); }, ErrorCode::unsupported,
               {"no text encoder, ", " wide as its UNet expects", "--text-encoder"});
}

/// As a repository of one file is.
TEST(SingleFiles, AreOpenedAsTheOnlyOneOfAFolder) {
  const TemporaryFolder folder;
  const auto file = folder.path() / "model.safetensors";
  weights::write_safetensors(file, testing::ldm_tensors(testing::tiny_stable_diffusion(1, 49408)));
  EXPECT_EQ(pixels(folder.path().string()), pixels(file.string()));
}

/// As of LCM_Dreamshaper_v7: the guidance embedding is in the file, under either name.
TEST(SingleFiles, OfLatentConsistencyModelsGiveTheBitsOfTheFolderOfTheSameWeights) {
  testing::TinyConfigs configs = testing::tiny_stable_diffusion(1, 49408);
  configs.unet.insert(configs.unet.find('{') + 1, "\"time_cond_proj_dim\": 16, ");
  expect_bits_of_the_folder(configs);
  configs.by_script = true;
  expect_bits_of_the_folder(configs);
}

/// SDXS-0.9 (Song et al. 2024) is a Stable Diffusion 2 whose first level attends to the text alone.
TEST(SingleFiles, TellWhichLevelsAttendToTheTextAlone) {
  const TemporaryFolder folder;
  const auto path = folder.path() / "model.safetensors";
  weights::write_safetensors(path, testing::ldm_tensors(testing::tiny_sdxs(kSmallVocabulary)));
  const weights::SingleFile file = weights::open_single_file(path);
  EXPECT_EQ(file.family, "Stable Diffusion 2");
  EXPECT_EQ(file.autoencoder.value().config.at("_class_name").string(), "AutoencoderTiny");
  const models::UNetConfig unet = models::unet_config(file.unet.value().config);
  ASSERT_EQ(unet.levels.size(), 3U);
  EXPECT_TRUE(unet.levels[0].only_cross_attention);
  EXPECT_FALSE(unet.levels[1].only_cross_attention);
  EXPECT_EQ(unet.mid, models::UNetConfig::Mid::none);
}

/// Every tensor of every component, read from the file, against the weights it was made of.
TEST(SingleFiles, OfStableDiffusion2SplitOpenClipsProjections) {
  const TemporaryFolder folder;
  const auto configs = testing::tiny_stable_diffusion(2, kSmallVocabulary);
  const auto path = folder.path() / "model.safetensors";
  weights::write_safetensors(path, testing::ldm_tensors(configs));
  const weights::SingleFile file = weights::open_single_file(path);
  EXPECT_EQ(file.family, "Stable Diffusion 2");
  EXPECT_EQ(file.pad_token, "!");
  const std::vector<graph::Graph> text{models::build_clip_text(
      models::clip_text_config(file.text_encoder.value().config), {.prompts = 1, .tokens = 77})};
  const std::vector<graph::Graph> unet{
      models::build_unet(models::unet_config(file.unet.value().config),
                         {.rows = 1, .h = 4, .w = 4, .tokens = 77, .kv_rows = {0}})};
  const weights::HashWeights hash;
  const auto compare = [&](const weights::WeightSource& source,
                           const std::vector<weights::TensorSpec>& specs) {
    source.check(specs);
    for (const weights::TensorSpec& spec : specs) {
      std::size_t count = 1;
      for (const std::int64_t dim : spec.dims) count *= static_cast<std::size_t>(dim);
      std::vector<float> found(count), expected(count);
      source.read_f32(spec.name, spec.dims, found);
      hash.read_f32(spec.name, spec.dims, expected);
      for (std::size_t i = 0; i < count; ++i) {
        ASSERT_NEAR(found[i], expected[i], 0.01F * std::abs(expected[i])) << spec.name;  // bf16
      }
    }
  };
  compare(*file.text_encoder->weights, models::required_tensors(text));
  compare(*file.unet->weights, models::required_tensors(unet));
}

TEST(SingleFiles, TellThePredictionAndSayByWhichRule) {
  const TemporaryFolder folder;
  const auto path = folder.path() / "a-turbo.safetensors";
  auto tensors = testing::ldm_tensors(testing::tiny_stable_diffusion(2, kSmallVocabulary));
  const auto open = [&](const std::map<std::string, std::string>& metadata) {
    weights::write_safetensors(path, tensors, metadata);
    return weights::open_single_file(path);
  };
  const auto type = [](const weights::SingleFile& file) {
    return file.scheduler.value().at("prediction_type").string();
  };
  EXPECT_EQ(type(open({})), "epsilon");
  const weights::SingleFile stated =
      open({{"modelspec.architecture", "stable-diffusion-v2-768-v"}});
  EXPECT_EQ(type(stated), "v_prediction");
  ASSERT_EQ(stated.notes.size(), 2U);
  EXPECT_NE(stated.notes[0].find("modelspec.architecture"), std::string::npos);
  EXPECT_NE(stated.notes[1].find("turbo"), std::string::npos);
  tensors.push_back({"model.diffusion_model.time_embed.cond_proj.weight", {4, 32}, {}});
  tensors.back().values.resize(4 * 32);
  const weights::SingleFile lcm = open({});
  ASSERT_FALSE(lcm.notes.empty());
  EXPECT_NE(lcm.notes.back().find("guidance scale as an input"), std::string::npos);
  tensors.back() = {"v_pred", {}, {1}};
  EXPECT_EQ(type(open({})), "v_prediction");
}

class RefusedFiles : public ::testing::Test {
 protected:
  void refused(const std::vector<TensorToWrite>& tensors, const std::vector<std::string>& words) {
    const auto path = folder_.path() / "model.safetensors";
    weights::write_safetensors(path, tensors);
    expect_error([&] { weights::open_single_file(path); }, ErrorCode::unsupported, words);
  }
  static TensorToWrite zeros(const std::string& name, std::vector<std::int64_t> dims) {
    std::size_t count = 1;
    for (const std::int64_t dim : dims) count *= static_cast<std::size_t>(dim);
    return {name, std::move(dims), std::vector<float>(count)};
  }
  TemporaryFolder folder_;
};

TEST_F(RefusedFiles, AreNamedForWhatTheyAre) {
  refused({zeros("model.diffusion_model.joint_blocks.0.x", {1})}, {"Stable Diffusion 3"});
  refused({zeros("double_blocks.0.img_attn.qkv.weight", {1})}, {"FLUX"});
  refused({zeros("control_model.zero_convs.0.0.weight", {1})}, {"ControlNet"});
  refused({zeros("lora_unet_x.lora_down.weight", {1})}, {"LoRA", "--lora"});
  refused({zeros("anything", {1})}, {"no part", "anything"});
  refused({zeros("model.diffusion_model.input_blocks.0.0.weight", {4, 9, 3, 3})}, {"inpainting"});
  refused({zeros("model.diffusion_model.input_blocks.0.0.weight", {4, 8, 3, 3})},
          {"InstructPix2Pix"});
}

TEST_F(RefusedFiles, NameWhatIsMissing) {
  const auto path = folder_.path() / "model.safetensors";
  auto tensors = testing::ldm_tensors(testing::tiny_stable_diffusion(1, kSmallVocabulary));
  const auto without = [&](const std::string& beginning) {
    std::erase_if(tensors, [&](const TensorToWrite& t) { return t.name.starts_with(beginning); });
    weights::write_safetensors(path, tensors);
  };
  without("model.diffusion_model.out.2.bias");
  const weights::SingleFile file = weights::open_single_file(path);
  EXPECT_FALSE(file.unet.value().weights->has("conv_out.bias"));
  EXPECT_TRUE(file.unet->weights->has("conv_out.weight"));
  std::vector<float> four(4);
  const std::vector<std::int64_t> dims{4};
  expect_error([&] { file.unet->weights->read_f32("conv_out.bias", dims, four); },
               ErrorCode::not_found, {"conv_out.bias", "missing"});
  expect_error([&] { Engine::open({.model = path.string(), .device = "ref"}); },
               ErrorCode::corrupt_file, {"49408 tokens", "is 60"});
  without("first_stage");
  expect_error([&] { Engine::open({.model = path.string(), .device = "ref"}); },
               ErrorCode::unsupported, {"no autoencoder", "--vae"});
  without("cond_stage");
  expect_error([&] { Engine::open({.model = path.string(), .device = "ref"}); },
               ErrorCode::unsupported, {"no text encoder", "--text-encoder"});
}

TEST_F(RefusedFiles, OfScaledFloat8AndLoneUNetsSayTheWayOut) {
  refused({zeros("scaled_fp8", {1})}, {"scaled 8-bit", "expected"});
  refused({zeros("model.diffusion_model.out.2.scale_weight", {1})}, {"scaled 8-bit"});
  refused({zeros("conv_in.weight", {1}), zeros("down_blocks.0.resnets.0.conv1.weight", {1})},
          {"UNet alone", "--unet"});
}

TEST_F(RefusedFiles, OfSdxlNameTheSecondTextEncoder) {
  const auto path = folder_.path() / "model.safetensors";
  auto tensors = testing::ldm_tensors(testing::tiny_sdxl(kSmallVocabulary));
  std::erase_if(tensors, [](const TensorToWrite& tensor) {
    return tensor.name.starts_with("conditioner.embedders.1.");
  });
  weights::write_safetensors(path, tensors);
  expect_error([&] { Engine::open({.model = path.string(), .device = "ref"}); },
               ErrorCode::unsupported, {"second text encoder", "--text-encoder-2"});
}

TEST_F(RefusedFiles, ArePickles) {
  const auto path = folder_.path() / "model.ckpt";
  std::ofstream(path) << "PK\3\4";
  expect_error([&] { Engine::open({.model = path.string(), .device = "ref"}); },
               ErrorCode::unsupported, {"pickle", ".safetensors"});
}

}  // namespace
}  // namespace streamdiffusion
