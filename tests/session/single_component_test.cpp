// Components in files of their own: what is told of them, and that they give the bits of the
// folder that they were taken from.
#include "weights/single_component.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>

#include "models/autoencoder.h"
#include "models/count_parameters.h"
#include "streamdiffusion/engine.h"
#include "support/errors.h"
#include "support/ldm_file.h"
#include "support/temporary_folder.h"
#include "weights/hash_weights.h"

namespace streamdiffusion {
namespace {

namespace fs = std::filesystem;
using base::ErrorCode;
using testing::expect_error;
using testing::TemporaryFolder;
using weights::TensorToWrite;

/// A Stable Diffusion 1 as a folder, and its components as files in another one.
class SingleComponents : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    root_ = std::make_unique<TemporaryFolder>();
    const auto configs = testing::tiny_stable_diffusion(1, testing::kTinyVocabulary);
    testing::write_folder(configs, folder());
    fs::create_directories(files());
    fs::copy_file(folder() / "unet/diffusion_pytorch_model.safetensors",
                  files() / "unet.safetensors");
    fs::copy_file(folder() / "vae/diffusion_pytorch_model.safetensors",
                  files() / "vae.safetensors");
    fs::copy_file(folder() / "text_encoder/model.safetensors", files() / "text.safetensors");
    write_text_of_transformers_5();
    const auto all = testing::ldm_tensors(configs);
    weights::write_safetensors(files() / "ldm_unet.safetensors",
                               part(all, "model.diffusion_model."));
    weights::write_safetensors(files() / "ldm_vae.safetensors", part(all, "first_stage_model."));
  }
  static void TearDownTestSuite() { root_.reset(); }

  static fs::path folder() { return root_->path() / "folder"; }
  static fs::path files() { return root_->path() / "files"; }
  static std::string file(const char* name) { return (files() / name).string(); }

  static std::vector<TensorToWrite> part(const std::vector<TensorToWrite>& all,
                                         const std::string& prefix) {
    std::vector<TensorToWrite> found;
    for (const TensorToWrite& tensor : all) {
      if (!tensor.name.starts_with(prefix)) continue;
      found.push_back(tensor);
      found.back().name = tensor.name.substr(prefix.size());
    }
    return found;
  }

  /// Since 5.0 the names of text encoders begin with nothing.
  static void write_text_of_transformers_5() {
    const weights::SafetensorsFile text(files() / "text.safetensors");
    std::vector<TensorToWrite> tensors;
    for (const weights::StoredTensor& stored : text.tensors()) {
      std::string name = stored.name;
      if (name.starts_with("text_model.")) name.erase(0, 11);
      tensors.push_back({name, stored.dims, {}});
      tensors.back().values.resize(static_cast<std::size_t>(stored.elements()));
      text.read_f32(stored, tensors.back().values);
    }
    weights::write_safetensors(files() / "text5.safetensors", tensors);
  }

  static EngineOptions options() {
    return {
        .model = folder().string(), .device = SD_TEST_DEVICE, .dtype = DataType::f32, .threads = 1};
  }
  static std::vector<float> pixels(const EngineOptions& options) {
    Engine engine = Engine::open(options);
    Session session =
        engine.session({.width = 32, .height = 32, .t_index_list = {25}, .keep_tensors = true});
    session.set_prompt("a photo of a cat");
    return session.process(Image{32, 32, std::vector<std::uint8_t>(32 * 32 * 3, 99)})
        .value()
        .pixels;
  }

  static std::unique_ptr<TemporaryFolder> root_;
};
std::unique_ptr<TemporaryFolder> SingleComponents::root_;

TEST_F(SingleComponents, GiveTheBitsOfTheModelThatTheyAreOf) {
  const std::vector<float> expected = pixels(options());
  for (const char* unet : {"unet.safetensors", "ldm_unet.safetensors"}) {
    EngineOptions other = options();
    other.unet = file(unet);
    EXPECT_EQ(pixels(other), expected) << unet;
  }
  for (const char* vae : {"vae.safetensors", "ldm_vae.safetensors"}) {
    EngineOptions other = options();
    other.vae = file(vae);
    EXPECT_EQ(pixels(other), expected) << vae;
  }
  for (const char* text : {"text.safetensors", "text5.safetensors"}) {
    EngineOptions other = options();
    other.text_encoder = file(text);
    EXPECT_EQ(pixels(other), expected) << text;
  }
}

/// As a repository of one file is.
TEST_F(SingleComponents, AreOpenedAsTheOnlyFileOfAFolder) {
  const TemporaryFolder root;
  const auto alone = [&](const char* name) {
    fs::create_directories(root.path() / name);
    fs::copy_file(files() / name, root.path() / name / "any.safetensors");
    return (root.path() / name).string();
  };
  EngineOptions other = options();
  other.unet = alone("ldm_unet.safetensors");
  other.vae = alone("ldm_vae.safetensors");
  other.text_encoder = alone("text.safetensors");
  EXPECT_EQ(pixels(other), pixels(options()));
  fs::copy_file(file("ldm_unet.safetensors"), fs::path(other.unet) / "b.safetensors");
  expect_error([&] { Engine::open(other); }, ErrorCode::not_found,
               {"2 .safetensors files", "any.safetensors, b.safetensors"});
}

/// As of an LCM (Luo et al. 2023), whose file tells the guidance embedding that its model lacks.
TEST_F(SingleComponents, AUNetBringsItsGuidanceEmbedding) {
  const TemporaryFolder lcm;
  auto configs = testing::tiny_stable_diffusion(1, testing::kTinyVocabulary);
  configs.unet.insert(configs.unet.find('{') + 1, "\"time_cond_proj_dim\": 16, ");
  testing::write_folder(configs, lcm.path() / "folder");
  const fs::path unet = lcm.path() / "unet.safetensors";
  fs::copy_file(lcm.path() / "folder/unet/diffusion_pytorch_model.safetensors", unet);
  EngineOptions whole = options(), lone = options(), back = options();
  whole.model = (lcm.path() / "folder").string();
  lone.unet = unet.string();
  EXPECT_EQ(pixels(lone), pixels(whole));
  EXPECT_NE(pixels(lone), pixels(options()));
  back.model = whole.model;
  back.unet = file("unet.safetensors");
  EXPECT_EQ(pixels(back), pixels(options()));
}

TEST_F(SingleComponents, InThePlaceOfAnotherComponentAreRefused) {
  const auto refused = [](std::string EngineOptions::*member, const char* name,
                          const std::vector<std::string>& words) {
    EngineOptions other = options();
    other.*member = file(name);
    expect_error([&] { Engine::open(other); }, ErrorCode::unsupported, words);
  };
  refused(&EngineOptions::unet, "text.safetensors", {"holds no UNet"});
  refused(&EngineOptions::vae, "ldm_unet.safetensors", {"holds no autoencoder"});
  refused(&EngineOptions::text_encoder, "vae.safetensors", {"holds no text encoder"});
  EngineOptions second = options();
  second.text_encoder_2 = file("text.safetensors");
  expect_error([&] { Engine::open(second); }, ErrorCode::invalid_argument,
               {"text_encoder_2", "one text encoder"});
}

/// The scale of latents is no part of such a file: it is that of the model.
TEST_F(SingleComponents, OfLdmTakeTheScaleOfTheModel) {
  const auto found = weights::open_autoencoder(file("ldm_vae.safetensors"), std::nullopt, 0.13025);
  EXPECT_EQ(found.config.number_or("scaling_factor", 0), 0.13025);
}

/// TAESD as diffusers and as its publisher write it, without a config.json.
TEST(SingleTinyAutoencoders, AreToldByTheirLayers) {
  const TemporaryFolder folder;
  const models::AutoencoderTinyConfig config{.latent_channels = 4,
                                             .encoder_width = 8,
                                             .decoder_width = 8,
                                             .encoder_blocks = {1, 2, 1},
                                             .decoder_blocks = {2, 1, 1}};
  const std::vector<graph::Graph> graphs{
      models::build_encoder(config, {.frames = 1, .height = 16, .width = 16}),
      models::build_decoder(config, {.frames = 1, .height = 16, .width = 16})};
  const auto specs = models::required_tensors(graphs);
  const weights::HashWeights hash;
  std::vector<TensorToWrite> all, encoder, decoder;
  for (const weights::TensorSpec& spec : specs) {
    std::size_t count = 1;
    for (const std::int64_t dim : spec.dims) count *= static_cast<std::size_t>(dim);
    all.push_back({spec.name, spec.dims, std::vector<float>(count)});
    hash.read_f32(spec.name, spec.dims, all.back().values);
    const std::string rest = spec.name.substr(sizeof("encoder.layers"));
    if (spec.name.starts_with("encoder.")) {
      encoder.push_back({rest, spec.dims, all.back().values});
    } else {
      const int layer = std::stoi(rest) + 1;
      decoder.push_back(
          {std::to_string(layer) + rest.substr(rest.find('.')), spec.dims, all.back().values});
    }
  }
  weights::write_safetensors(folder.path() / "tiny.safetensors", all);
  weights::write_safetensors(folder.path() / "taesd_encoder.safetensors", encoder);
  weights::write_safetensors(folder.path() / "taesd_decoder.safetensors", decoder);
  for (const char* name :
       {"tiny.safetensors", "taesd_encoder.safetensors", "taesd_decoder.safetensors"}) {
    const auto found = weights::open_autoencoder(folder.path() / name, std::nullopt, 0.18215);
    const auto read =
        std::get<models::AutoencoderTinyConfig>(models::autoencoder_config(found.config));
    EXPECT_EQ(read.encoder_blocks, config.encoder_blocks) << name;
    EXPECT_EQ(read.decoder_blocks, config.decoder_blocks) << name;
    EXPECT_EQ(read.encoder_width, 8) << name;
    EXPECT_EQ(read.latent_channels, 4) << name;
    found.weights->check(specs);
    for (const TensorToWrite& tensor : all) {
      std::vector<float> values(tensor.values.size());
      found.weights->read_f32(tensor.name, tensor.dims, values);
      ASSERT_EQ(values, tensor.values) << name << " " << tensor.name;
    }
  }
  fs::remove(folder.path() / "taesd_encoder.safetensors");
  expect_error(
      [&] {
        weights::open_autoencoder(folder.path() / "taesd_decoder.safetensors", std::nullopt, 1);
      },
      ErrorCode::not_found, {"taesd_encoder.safetensors", "no such file"});
}

}  // namespace
}  // namespace streamdiffusion
