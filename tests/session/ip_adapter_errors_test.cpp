// What is wrong with an IP-Adapter, its encoder or an image ends in an error that names it.
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>

#include "streamdiffusion/engine.h"
#include "support/errors.h"
#include "support/tiny_ip_adapter.h"
#include "weights/safetensors.h"

namespace streamdiffusion {
namespace {

using base::ErrorCode;
using Projection = models::IpAdapterConfig::Projection;
using testing::expect_error;
using testing::TemporaryFolder;
using testing::TinyFamily;
using testing::TinyModel;

std::shared_ptr<const Image> plain_image(int width, int height) {
  const auto bytes = static_cast<std::size_t>(3 * width * height);
  return std::make_shared<const Image>(Image{width, height, std::vector<std::uint8_t>(bytes)});
}

class IpAdapterErrors : public ::testing::Test {
 protected:
  IpAdapterErrors() { testing::write_tiny_image_encoder(folder_, "image_encoder"); }

  std::string write(Projection projection = Projection::plain, const std::string& without = "-") {
    return testing::write_tiny_ip_adapter(model_, folder_, "adapter.safetensors",
                                          testing::tiny_ip_adapter(model_, projection), 1, without);
  }
  Engine open(const std::string& file, const std::string& encoder = "") const {
    return Engine::open({.model = model_.path(),
                         .ip_adapters = {{.file = file, .image_encoder = encoder, .prompt = {}}},
                         .device = SD_TEST_DEVICE,
                         .dtype = DataType::f32,
                         .threads = 1});
  }
  void expect_refused(const std::string& file, ErrorCode code, const std::string& text,
                      const std::string& encoder = "") const {
    expect_error([&] { open(file, encoder); }, code, {text});
  }

  TinyModel model_;
  TemporaryFolder folder_;
};

TEST_F(IpAdapterErrors, OfFiles) {
  expect_refused((folder_.path() / "no.safetensors").string(), ErrorCode::not_found,
                 "no.safetensors: no such file");
  folder_.write("adapter.bin", "PK\3\4");
  expect_refused((folder_.path() / "adapter.bin").string(), ErrorCode::unsupported,
                 "adapter.bin: a pickle");
  folder_.write("none/adapter.bin", "PK\3\4");
  expect_refused((folder_.path() / "none").string(), ErrorCode::not_found,
                 "holds no .safetensors file");
  folder_.write("two/a.safetensors", "");
  folder_.write("two/b.safetensors", "");
  expect_refused((folder_.path() / "two").string(), ErrorCode::invalid_argument,
                 "holds 2 files, expected the path of one");
  expect_refused("random", ErrorCode::invalid_argument, "random goes with random_weights");
  folder_.write("short.safetensors", "abc");
  expect_refused((folder_.path() / "short.safetensors").string(), ErrorCode::corrupt_file, "short");
  const std::string lora = (folder_.path() / "lora.safetensors").string();
  weights::write_safetensors(lora, std::vector<weights::TensorToWrite>{{"a.weight", {1}, {1.0F}}});
  expect_refused(lora, ErrorCode::corrupt_file, "lora.safetensors: expected an IP-Adapter");
}

TEST_F(IpAdapterErrors, OfFaceId) {
  const std::string file = (folder_.path() / "faceid.safetensors").string();
  weights::write_safetensors(
      file, std::vector<weights::TensorToWrite>{{"image_proj.proj.0.weight", {2, 1}, {1, 1}},
                                                {"image_proj.proj.2.weight", {2, 2}, {1, 1, 1, 1}},
                                                {"image_proj.norm.weight", {2}, {1, 1}},
                                                {"ip_adapter.1.to_k_ip.weight", {1, 2}, {1, 1}}});
  expect_refused(file, ErrorCode::unsupported, "an IP-Adapter FaceID");
}

TEST_F(IpAdapterErrors, OfAnotherModel) {
  const TinyModel sdxl(TinyFamily::sdxl);
  const std::string file = testing::write_tiny_ip_adapter(
      sdxl, folder_, "sdxl.safetensors", testing::tiny_ip_adapter(sdxl, Projection::plus));
  expect_refused(file, ErrorCode::invalid_argument,
                 "the IP-Adapter is of another model: its tokens have 56 channels");
}

TEST_F(IpAdapterErrors, OfMissingTensors) {
  expect_refused(write(Projection::plain, "7.to_v_ip"), ErrorCode::corrupt_file,
                 "ip_adapter.7.to_v_ip.weight");
  expect_refused(write(Projection::plus, "layers.1.1.3"), ErrorCode::corrupt_file,
                 "image_proj.layers.1.1.3.weight");
  expect_refused(write(Projection::full, "proj.3"), ErrorCode::corrupt_file,
                 "image_proj.proj.3.weight");
  expect_refused(write(Projection::plus, "proj_out"), ErrorCode::corrupt_file,
                 "without \"image_proj.proj_out.weight\"");
}

TEST_F(IpAdapterErrors, OfEncoders) {
  const std::string file = write();
  testing::write_tiny_image_encoder(folder_, "other");
  std::string config = testing::kTinyImageEncoder;
  config.replace(config.find("20"), 2, "21");
  folder_.write("other/config.json", config);
  const std::string other = (folder_.path() / "other").string();
  expect_refused(file, ErrorCode::invalid_argument,
                 "expected the folder of an image encoder with \"projection_dim\" 20; " + other +
                     " has \"projection_dim\" 21 and \"hidden_size\" 32",
                 other);
  std::filesystem::remove_all(folder_.path() / "image_encoder");
  expect_refused(file, ErrorCode::not_found, "image_encoder does not exist");
  std::filesystem::remove(folder_.path() / "other/model.safetensors");
  config.replace(config.find("21"), 2, "20");
  folder_.write("other/config.json", config);
  expect_refused(file, ErrorCode::not_found, "other", other);
  config.replace(config.find("gelu"), 4, "relu");
  folder_.write("other/config.json", config);
  expect_refused(file, ErrorCode::unsupported, "\"hidden_act\"", other);
}

/// The folder with the right name may be another adapter's.
TEST_F(IpAdapterErrors, TheEncoderIsChosenByItsNumbers) {
  const std::string file =
      testing::write_tiny_ip_adapter(model_, folder_, "sdxl_models/adapter.safetensors",
                                     testing::tiny_ip_adapter(model_, Projection::plus));
  testing::write_tiny_image_encoder(folder_, "sdxl_models/image_encoder");
  testing::write_tiny_image_encoder(folder_, "models/image_encoder");
  std::string config = testing::kTinyImageEncoder;
  config.replace(config.find("32"), 2, "36");
  folder_.write("sdxl_models/image_encoder/config.json", config);
  EXPECT_NO_THROW(open(file));
}

TEST_F(IpAdapterErrors, OfImagesAndSettings) {
  Engine engine = open(write());
  Session session = engine.session({.width = 32, .height = 32});
  const auto refused = [&](const std::vector<ImagePrompt>& prompts, ErrorCode code,
                           const std::string& text) {
    expect_error([&] { session.set_image_prompts(prompts); }, code, {text});
  };
  const auto good = plain_image(8, 8);
  refused({}, ErrorCode::invalid_argument, "image_prompts has 0 entries, expected one");
  refused({{.scale = -1}}, ErrorCode::invalid_argument, "image_prompts[0]: scale is -1");
  refused({{.scale = NAN}}, ErrorCode::invalid_argument, "image_prompts[0]: scale is");
  refused({{.images = {nullptr}}}, ErrorCode::invalid_argument, "image 0 is null");
  refused({{.images = {plain_image(0, 4)}}}, ErrorCode::invalid_argument, "image 0 is 0x4");
  refused({{.images = {good, plain_image(200, 8)}}}, ErrorCode::invalid_argument,
          "image 1 is 200x8, expected sides at most 16 to 1");
  refused({{.images = {std::make_shared<const Image>(Image{4, 4, {1, 2}})}}},
          ErrorCode::invalid_argument, "has 2 bytes, expected 48");
  refused({{.images = std::vector(17, good)}}, ErrorCode::invalid_argument, "has 17 images");
  refused({{.layers = ImageLayers::style, .images = {good}}}, ErrorCode::unsupported,
          "is not known for this UNet: it has 4");
  EXPECT_NO_THROW(session.set_image_prompts({{.images = {good}}}));
}

}  // namespace
}  // namespace streamdiffusion
