// IP-Adapters against transformers and diffusers, on every device and type this build has: image
// encoders, projections of their features, and UNets that attend to the tokens.
#include "models/ip_adapter.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>

#include "golden/compiled.h"
#include "golden/golden_case.h"
#include "golden/golden_file.h"
#include "models/unet.h"
#include "weights/hash_weights.h"

namespace streamdiffusion::golden {
namespace {

using json::Json;
using models::ClipVisionOutput;
using tensor::DType;

class GoldenIpAdapter : public GoldenCase {
 protected:
  GoldenIpAdapter() : GoldenCase("ip_adapter") {}

  /// Runs an encoder on pixels, or on the image that stands for none.
  void expect_features(const std::string& name, ClipVisionOutput output,
                       std::span<const std::uint8_t> pixels) {
    const models::ClipVisionConfig config = models::clip_vision_config(golden_.at("config"));
    Compiled encoder(*device_, models::build_clip_vision(config, output, GetParam().dtype), "");
    const tensor::View patches = encoder.input("patches");
    models::write_patches(
        config, pixels,
        {patches.as<float>(), static_cast<std::size_t>(patches.desc.shape.elements())});
    std::ranges::copy(models::vision_embeddings(config, weights::HashWeights()),
                      encoder.input("embeddings").as<float>());
    encoder.run();
    expect_close(golden_, name, encoder.output("image"), GetParam().dtype);
  }
};

using GoldenImageEncoder = GoldenIpAdapter;

TEST_P(GoldenImageEncoder, AnswersAsInPython) {
  const std::int64_t side = golden_.at("config").at("image_size").integer();
  std::vector<std::uint8_t> pixels(static_cast<std::size_t>(side * side * 3));
  fill_input(golden_, "pixels", {pixels.data(), {{1, side, side, 3}, DType::u8}});
  expect_features("projected", ClipVisionOutput::projected, pixels);
  expect_features("penultimate", ClipVisionOutput::penultimate, pixels);
  expect_features("zero", ClipVisionOutput::penultimate, {});
}

INSTANTIATE_TEST_SUITE_P(Encoders, GoldenImageEncoder,
                         ::testing::ValuesIn(cases({"encoder", "encoder_quick_gelu"})), case_name);

using GoldenImageProjection = GoldenIpAdapter;

/// The tensors of a golden, and those of an attention, as in a file.
std::vector<tensor::TensorSpec> tensors_of(const Json& golden) {
  std::vector<tensor::TensorSpec> tensors{{"ip_adapter.1.to_k_ip.weight", {64, 24}}};
  const Json listed = golden.at("tensors");
  for (std::size_t i = 0; i < listed.size(); ++i) {
    const auto [name, dims] = listed.member(i);
    tensors.push_back({std::string(name), dims.integers()});
  }
  return tensors;
}

TEST_P(GoldenImageProjection, AnswersAsInPython) {
  const models::IpAdapterConfig config = models::ip_adapter_config(tensors_of(golden_), "golden");
  Compiled projection(*device_,
                      models::build_image_projection(config, golden_.at("encoder_tokens").integer(),
                                                     GetParam().dtype),
                      "");
  fill_input(golden_, "image", projection.input("image"));
  if (config.projection == models::IpAdapterConfig::Projection::plus) {
    const tensor::View latents = projection.input("latents");
    const std::array dims{std::int64_t{1}, config.tokens, config.width};
    weights::HashWeights().read_f32(
        models::kResamplerLatents, dims,
        {latents.as<float>(), static_cast<std::size_t>(latents.desc.shape.elements())});
  }
  projection.run();
  expect_close(golden_, "tokens", projection.output("tokens"), GetParam().dtype);
}

TEST_P(GoldenImageProjection, TheTensorsAreThoseOfTheFile) {
  const models::IpAdapterConfig config = models::ip_adapter_config(tensors_of(golden_), "golden");
  const auto sorted = [](std::vector<tensor::TensorSpec> tensors) {
    std::ranges::sort(tensors, {}, &tensor::TensorSpec::name);
    std::vector<std::pair<std::string, std::vector<std::int64_t>>> listed;
    for (const tensor::TensorSpec& tensor : tensors) {
      if (tensor.name.starts_with("image_proj")) listed.emplace_back(tensor.name, tensor.dims);
    }
    return listed;
  };
  EXPECT_EQ(sorted(models::image_projection_tensors(config)), sorted(tensors_of(golden_)));
}

INSTANTIATE_TEST_SUITE_P(Projections, GoldenImageProjection,
                         ::testing::ValuesIn(cases({"projection_plain", "projection_plus",
                                                    "projection_plus_two_heads",
                                                    "projection_full"})),
                         case_name);

using GoldenUNetWithImages = GoldenIpAdapter;

TEST_P(GoldenUNetWithImages, AnswersAsInPython) {
  const Json call = golden_.at("call"), tokens = call.at("image_tokens");
  const models::UNetConfig config = models::unet_config(golden_.at("unet"));
  EXPECT_EQ(models::cross_attentions(config).all(), golden_.at("attentions").integer());
  models::UNetShape shape = unet_shape(call, GetParam().dtype);
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    shape.image_prompts.push_back({static_cast<int>(i), tokens[i].integer()});
  }
  Compiled unet(*device_, models::build_unet(config, shape), "");
  for (const graph::Input& input : unet.inputs()) {
    if (!input.name.starts_with("image_scales")) {
      fill_input(golden_, input.name, unet.input(input.name));
    }
  }
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    const tensor::View scales = unet.input("image_scales." + std::to_string(i));
    auto* out = scales.as<float>();
    for (std::int64_t row = 0; row < shape.rows; ++row) {
      const double scale = call.at("scales")[i][static_cast<std::size_t>(row)].number();
      for (std::int64_t k = 0; k < scales.desc.shape.c; ++k) {
        *out++ = static_cast<float>(scale * (1 + static_cast<double>(k) / 8));
      }
    }
  }
  unet.run();
  expect_close(golden_, "prediction", unet.output("prediction"), GetParam().dtype);
}

INSTANTIATE_TEST_SUITE_P(
    UNets, GoldenUNetWithImages,
    ::testing::ValuesIn(cases({"unet_sd", "unet_sd_plus", "unet_sdxl", "unet_koala"})), case_name);

}  // namespace
}  // namespace streamdiffusion::golden
