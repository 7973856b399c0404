// IP-Adapters of the C interface: images are files of the caller's machine.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "c_api/support.h"
#include "image/image_file.h"
#include "live/named_parameters.h"
#include "support/tiny_ip_adapter.h"

namespace streamdiffusion::testing {
namespace {

using ::testing::HasSubstr;

class CImagePrompts : public ::testing::Test {
 protected:
  CImagePrompts() {
    write_tiny_image_encoder(folder_, "image_encoder");
    const std::string file = write_tiny_ip_adapter(
        model_, folder_, "plain.safetensors",
        tiny_ip_adapter(model_, models::IpAdapterConfig::Projection::plain), 2);
    Image picture{20, 20, {}};
    for (int i = 0; i < 1200; ++i) picture.rgb.push_back(static_cast<std::uint8_t>(i * 31));
    image::write_image(style_, picture);
    const std::string parameters = R"({"model": ")" + model_.path() + R"(", "device": ")" +
                                   SD_TEST_DEVICE +
                                   R"(", "dtype": "f32", "threads": 1, "ipadapters": [)" +
                                   R"({"ipadapter_model_path": ")" + file + R"("}]})";
    streamdiffusion_error* error = nullptr;
    expect_ok(streamdiffusion_engine_open(parameters.c_str(), &engine_, &error), error);
    expect_ok(streamdiffusion_session_open(engine_, kSmall, &session_, &error), error);
  }
  ~CImagePrompts() override {
    streamdiffusion_session_free(session_);
    streamdiffusion_engine_free(engine_);
  }
  void change(const std::string& parameters) {
    streamdiffusion_error* error = nullptr;
    expect_ok(streamdiffusion_session_change(session_, parameters.c_str(), &error), error);
  }
  /// The last image of a few equal frames.
  std::vector<std::uint8_t> image() {
    std::vector<std::uint8_t> pixels;
    for (int i = 0; i < 4; ++i) {
      streamdiffusion_error* error = nullptr;
      expect_ok(streamdiffusion_session_process(session_, TestFrame(3).pointer(), &error), error);
      streamdiffusion_output* output = nullptr;
      while (streamdiffusion_session_next(session_, &output, nullptr) == STREAMDIFFUSION_OK &&
             output != nullptr) {
        pixels = pixels_of(output);
        streamdiffusion_output_release(output);
      }
    }
    return pixels;
  }

  TinyModel model_;
  TemporaryFolder folder_;
  const std::string style_ = (folder_.path() / "style.png").string();
  streamdiffusion_engine* engine_ = nullptr;
  streamdiffusion_session* session_ = nullptr;
};

TEST_F(CImagePrompts, AFileIsTheStyleUntilItIsTakenAway) {
  const auto plain = image();
  change(R"({"image_prompts": [{"style_image": ")" + style_ + R"("}]})");
  const auto styled = image();
  EXPECT_NE(styled, plain);
  change(R"({"image_prompts": [{"scale": 0}]})");
  EXPECT_EQ(image(), plain);
  change(R"({"image_prompts": [{"scale": 1, "style_image": [")" + style_ + R"("]}]})");
  EXPECT_EQ(image(), styled);
  change(R"({"image_prompts": [{"images": 0}]})");
  EXPECT_EQ(image(), plain);
  streamdiffusion_error* error = nullptr;
  const auto status = streamdiffusion_session_change(
      session_, R"({"image_prompts": [{"style_image": "no/such.png"}]})", &error);
  EXPECT_THAT(text_of(status, error), HasSubstr("no/such.png"));
  EXPECT_EQ(image(), plain) << "nothing changed";
}

TEST_F(CImagePrompts, LayersThatTheUNetIsNotKnownToHaveAreABadParameter) {
  streamdiffusion_error* error = nullptr;
  const auto status = streamdiffusion_session_change(
      session_, R"({"image_prompts": [{"layers": "style"}]})", &error);
  EXPECT_EQ(status, STREAMDIFFUSION_INVALID_ARGUMENT);
  EXPECT_STREQ(streamdiffusion_error_parameter(error), "image_prompts");
  EXPECT_THAT(text_of(status, error), HasSubstr("expected whole"));
}

TEST_F(CImagePrompts, WhoMayNotNameFilesCanStillSetTheScale) {
  const Engine engine =
      Engine::open({.model = model_.path(),
                    .ip_adapters = {{.file = (folder_.path() / "plain.safetensors").string()}},
                    .device = SD_TEST_DEVICE,
                    .dtype = DataType::f32});
  const live::NamedParameters remote(engine, live::NamedParameters::Files::refuse);
  try {
    (void)remote.with((R"({"image_prompts": [{"style_image": ")" + style_ + R"("}]})").c_str());
    ADD_FAILURE() << "a file was read";
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("style_image"));
  }
  const auto changed = remote.with(R"({"image_prompts": [{"scale": 0.5}]})");
  EXPECT_EQ(changed.live.options.image_prompts.at(0).scale, 0.5F);
}

}  // namespace
}  // namespace streamdiffusion::testing
