// What `streamdiffusion run` says of settings that could not act.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "apps/commands.h"

namespace streamdiffusion::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class RunSettings : public CommandsTest {};

const char* const kClip = "lavfi:testsrc=size=50x30:rate=10:duration=1.2";

TEST_F(RunSettings, ProtocolsThatNothingAsksForAreTold) {
  const std::string told = "--input-protocols has no effect with this input";
  ASSERT_EQ(run_with_model(
                "run", {"--input", kClip, "--frames", "1", "--input-protocols", "udp", "--quiet"}),
            0);
  EXPECT_THAT(said(), HasSubstr(told));
  EXPECT_EQ(
      run_with_model("run", {"--input", folder_ / "none.m3u8", "--input-protocols", "udp,rtp"}), 1);
  EXPECT_THAT(said(), Not(HasSubstr(told)));
  EXPECT_EQ(run_with_model("run", {"--input", kClip, "--input-protocols", "udp,nonsense"}), 2);
  EXPECT_THAT(said(), HasSubstr("there is no protocol \"nonsense\", expected some of"));
}

TEST_F(RunSettings, PromptsForTimesBehindTheEndAreTold) {
  const std::string config = folder_.write("a.yaml",
                                           "prompt: cat\nprompt_schedule:\n"
                                           "  - {time: 0.5, prompt: dog}\n"
                                           "  - {time: 9.5, prompt: fish}\n"
                                           "  - {time: 11, prompt: tree}\n");
  ASSERT_EQ(run_with_model("run", {"--config", config, "--input", kClip, "--quiet"}), 0) << said();
  EXPECT_THAT(said(), HasSubstr("prompt_schedule: 2 of 3 entries come after the last frame; the "
                                "first is for 9.5 s"));
}

}  // namespace
}  // namespace streamdiffusion::testing
