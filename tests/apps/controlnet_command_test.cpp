// The program itself with ControlNets: `image`, `run` and `info` over a tiny model.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "apps/commands.h"
#include "support/tiny_controlnet.h"

namespace streamdiffusion::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class ControlNetCommand : public CommandsTest {
 protected:
  std::string net(const std::string& name) {
    return write_tiny_controlnet(model(), folder_, name, 1.5F);
  }
  /// The image that comes out under these flags.
  std::vector<std::uint8_t> drawn(const char* command, std::vector<std::string> flags) {
    flags.insert(flags.end(), {"--output", folder_ / "drawn"});
    EXPECT_EQ(run_with_model(command, flags), kDone) << said();
    return read(std::string(command) == "run" ? "drawn/1.png" : "drawn/0.png").rgb;
  }
};

TEST_F(ControlNetCommand, ImagesFollowItAndTheLineSaysByWhichWord) {
  const std::string canny = net("canny"), input = images(1);
  const auto plain = drawn("image", {"--input", input});
  const auto followed = drawn("image", {"--input", input, "--controlnet", canny + ":2"});
  EXPECT_NE(followed, plain);
  EXPECT_THAT(said(), HasSubstr("control images: canny, by \"canny\" in its name"));
  EXPECT_EQ(drawn("image", {"--input", input, "--controlnet", canny + ":canny:2"}), followed);
  EXPECT_EQ(drawn("image", {"--input", input, "--controlnet", "file:" + canny + ":2"}), followed);
  EXPECT_NE(drawn("image", {"--input", input, "--controlnet", canny + ":2:blur"}), followed);
  EXPECT_EQ(drawn("image", {"--input", input, "--controlnet", canny + ":0"}), plain);
  EXPECT_EQ(run_with_model("image", {"--input", input, "--controlnet", canny + ":cany"}), 2);
  EXPECT_THAT(said(), HasSubstr("did you mean canny?"));
}

TEST_F(ControlNetCommand, InfoSaysWhatItCosts) {
  ASSERT_EQ(run_with_model("info", {"--memory", "--controlnet", net("depth") + ":0.5"}), kDone)
      << said();
  EXPECT_THAT(said(), HasSubstr("its name says \"depth\""));
  EXPECT_THAT(printed(), HasSubstr("million parameters, passthrough, scale 0.5"));
  EXPECT_THAT(printed(), HasSubstr("GMAC a row"));
}

TEST_F(ControlNetCommand, AFileNamesThemAsTheForksDo) {
  const std::string input = images(2), canny = net("canny");
  std::ofstream(folder_ / "a.yaml") << "controlnets:\n  - model_id: " << canny
                                    << "\n    conditioning_scale: 2\n    preprocessor: blur\n";
  const auto flags = drawn("run", {"--input", input, "--controlnet", canny + ":2:blur"});
  EXPECT_EQ(drawn("run", {"--input", input, "--config", folder_ / "a.yaml"}), flags);
}

TEST_F(ControlNetCommand, ASecondInputGivesTheControlImages) {
  const std::string input = images(2), canny = net("canny") + ":2:passthrough";
  const auto own = drawn("run", {"--input", input, "--controlnet", canny});
  const auto same =
      drawn("run", {"--input", input, "--controlnet", canny, "--control-input", input});
  EXPECT_EQ(same, own);
  const auto other = drawn("run", {"--input", input, "--controlnet", canny, "--control-input",
                                   "lavfi:testsrc=size=32x24:rate=25:duration=2"});
  EXPECT_NE(other, own);
  const auto still =
      drawn("run", {"--input", input, "--controlnet", canny, "--control-input", input + "/0.png"});
  EXPECT_NE(still, own);
  EXPECT_THAT(said(), Not(HasSubstr("ended after")));
  ASSERT_EQ(run_with_model(
                "run", {"--input", input, "--control-input", input, "--output", folder_ / "drawn"}),
            kDone)
      << said();
  EXPECT_THAT(said(), HasSubstr("--control-input has no effect without --controlnet"));
}

TEST_F(ControlNetCommand, QuietLeavesOutWhatIsNoWarning) {
  const std::string canny = net("canny"), input = images(1);
  const std::vector<std::string> flags{"--input",      input, "--output", folder_ / "drawn",
                                       "--controlnet", canny, "--quiet"};
  for (const char* command : {"image", "run"}) {
    ASSERT_EQ(run_with_model(command, flags), kDone) << said();
    EXPECT_EQ(said(), "") << command;
  }
}

TEST_F(ControlNetCommand, OneThatIsNotThereIsNamedAsTheUserDid) {
  EXPECT_EQ(run_with_model("info", {"--memory", "--controlnet", folder_ / "nope.safetensors"}),
            kFailed);
  EXPECT_THAT(said(), HasSubstr("nope.safetensors: no such folder or file, expected a folder"));
}

TEST_F(ControlNetCommand, WarningsOnAFileNameItsKeys) {
  std::ofstream(folder_ / "a.yaml") << "seed: 5\nseed_list: [[2, 1]]\n";
  ASSERT_EQ(run_with_model("run", {"--config", folder_ / "a.yaml", "--input", images(1), "--output",
                                   folder_ / "drawn"}),
            kDone)
      << said();
  EXPECT_THAT(said(), HasSubstr("warning: seed has no effect beside seed_list"));
}

}  // namespace
}  // namespace streamdiffusion::testing
