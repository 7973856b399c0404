// The program itself with IP-Adapters: `image`, `run` and `info` over a tiny model.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>

#include "apps/commands.h"
#include "support/tiny_ip_adapter.h"

namespace streamdiffusion::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using Projection = models::IpAdapterConfig::Projection;

class IpAdapterCommand : public CommandsTest {
 protected:
  IpAdapterCommand() {
    write_tiny_image_encoder(folder_, "image_encoder");
    adapter_ = write_tiny_ip_adapter(model(), folder_, "plain.safetensors",
                                     tiny_ip_adapter(model(), Projection::plain), 1.5F);
  }
  /// Another image than the inputs are.
  std::string style() {
    Image image{24, 20, std::vector<std::uint8_t>(24 * 20 * 3)};
    for (std::size_t i = 0; i < image.rgb.size(); ++i)
      image.rgb[i] = static_cast<std::uint8_t>(37 * i);
    image::write_image(folder_.path() / "style.png", image);
    return folder_ / "style.png";
  }
  /// The image that comes out under these flags.
  std::vector<std::uint8_t> drawn(const char* command, std::vector<std::string> flags) {
    flags.insert(flags.end(), {"--output", folder_ / "drawn"});
    EXPECT_EQ(run_with_model(command, flags), kDone) << said();
    return read(std::string(command) == "run" ? "drawn/1.png" : "drawn/0.png").rgb;
  }
  std::string adapter_;
};

TEST_F(IpAdapterCommand, ImagesFollowTheStyleImage) {
  const std::string input = images(1), picture = style();
  const auto plain = drawn("image", {"--input", input});
  const auto with = [&](const std::string& adapter) {
    return drawn("image", {"--input", input, "--ip-adapter", adapter, "--style-image", picture});
  };
  const auto followed = with(adapter_ + ":2");
  EXPECT_NE(followed, plain);
  EXPECT_THAT(said(), HasSubstr("plain, 4 tokens an image"));
  EXPECT_EQ(with(adapter_ + ":whole:2"), followed);
  EXPECT_EQ(with("file://" + adapter_ + ":whole:2"), followed);
  EXPECT_NE(with(adapter_ + ":0.5"), followed);
  EXPECT_EQ(with(adapter_ + ":0"), plain);
  EXPECT_EQ(drawn("image", {"--input", input, "--ip-adapter", adapter_}), plain);
  EXPECT_THAT(said(), HasSubstr("--ip-adapter has no effect without --style-image"));
}

TEST_F(IpAdapterCommand, OneThatFollowsTheInputOfAStreamNeedsNoStyleImage) {
  const std::string input = images(2);
  std::ofstream(folder_ / "a.yaml")
      << "ipadapters: [{ipadapter_model_path: " << adapter_ << ", follow_input: true}]\n";
  drawn("run", {"--input", input, "--config", folder_ / "a.yaml"});
  EXPECT_THAT(said(), Not(HasSubstr("has no effect")));
  std::ofstream(folder_ / "a.yaml") << "ipadapters: [{ipadapter_model_path: " << adapter_ << "}]\n";
  drawn("run", {"--input", input, "--config", folder_ / "a.yaml"});
  EXPECT_THAT(said(), HasSubstr("--ip-adapter has no effect without --style-image"));
}

TEST_F(IpAdapterCommand, WhatIsWrongIsNamed) {
  const std::string input = images(1), picture = style();
  const auto refused = [&](std::vector<std::string> flags, const char* expected) {
    flags.insert(flags.end(), {"--input", input, "--output", folder_ / "refused"});
    EXPECT_NE(run_with_model("image", flags), kDone);
    EXPECT_THAT(said(), HasSubstr(expected));
  };
  refused({"--style-image", picture}, "--style-image is given without --ip-adapter");
  refused({"--ip-adapter", adapter_, "--style-image", folder_ / "none.png"}, "none.png");
  std::ofstream(folder_ / "text.png") << "no image";
  refused({"--ip-adapter", adapter_, "--style-image", folder_ / "text.png"}, "text.png");
  refused({"--ip-adapter", "random", "--style-image", picture}, "random goes with random_weights");
  refused({"--ip-adapter", adapter_ + ":stile", "--style-image", picture}, "did you mean style?");
  EXPECT_NE(run_with_model("image", {"--input", input, "--ip-adapter", adapter_, "--style-image",
                                     picture, "--output", picture}),
            kDone);
  EXPECT_THAT(said(), HasSubstr("style.png"));
  EXPECT_EQ(image::read_image(picture).width, 24) << "an input is not replaced";
}

TEST_F(IpAdapterCommand, AFileNamesThemAsTheForksDo) {
  const std::string input = images(2), picture = style();
  std::ofstream(folder_ / "a.yaml") << "ipadapters:\n  - ipadapter_model_path: " << adapter_
                                    << "\n    scale: 2\n    style_image: " << picture << "\n";
  const auto flags =
      drawn("run", {"--input", input, "--ip-adapter", adapter_ + ":2", "--style-image", picture});
  EXPECT_EQ(drawn("run", {"--input", input, "--config", folder_ / "a.yaml"}), flags);
  EXPECT_NE(drawn("run", {"--input", input}), flags);
}

/// Offline: what is in the cache. The encoder beside the adapter has other numbers than it takes.
TEST_F(IpAdapterCommand, ANameBringsTheEncoderThatFits) {
  const std::string commit(40, 'a'), root = "hub/models--h94--IP-Adapter/",
                                     snapshot = root + "snapshots/" + commit + "/";
  folder_.write(root + "refs/main", commit);
  write_tiny_ip_adapter(model(), folder_, snapshot + "models/plain.safetensors",
                        tiny_ip_adapter(model(), Projection::plain), 1.5F);
  std::string other = kTinyImageEncoder;
  other.replace(other.find("\"projection_dim\": 20"), 20, "\"projection_dim\": 24");
  folder_.write(snapshot + "models/image_encoder/config.json", other);
  write_tiny_image_encoder(folder_, snapshot + "sdxl_models/image_encoder");
  ::setenv("HF_HUB_CACHE", (folder_.path() / "hub").c_str(), 1);
  ::setenv("HF_HUB_OFFLINE", "1", 1);
  const std::string input = images(1), picture = style();
  const auto with = [&](const std::string& adapter) {
    return drawn("image", {"--input", input, "--ip-adapter", adapter, "--style-image", picture});
  };
  const auto by_name = with("h94/IP-Adapter/models/plain.safetensors:2");
  EXPECT_THAT(said(), HasSubstr("sdxl_models/image_encoder"));
  EXPECT_EQ(by_name, with(adapter_ + ":2"));
  EXPECT_NE(run_with_model("image", {"--input", input, "--ip-adapter", "h94/IP-Adapter",
                                     "--style-image", picture, "--output", folder_ / "none"}),
            kDone);
  EXPECT_THAT(said(), HasSubstr("h94/IP-Adapter/models/ip-adapter_sd15.safetensors"));
  ::unsetenv("HF_HUB_CACHE");
  ::unsetenv("HF_HUB_OFFLINE");
}

TEST_F(IpAdapterCommand, InfoSaysWhatItCosts) {
  ASSERT_EQ(run_with_model(
                "info", {"--memory", "--ip-adapter", adapter_ + ":0.5", "--style-image", style()}),
            kDone)
      << said();
  EXPECT_THAT(printed(), HasSubstr("whole, scale 0.5, 1 image of 4 tokens"));
  EXPECT_THAT(printed(), HasSubstr("GMAC a row"));
  EXPECT_THAT(printed(), HasSubstr("while images are encoded"));
}

}  // namespace
}  // namespace streamdiffusion::testing
