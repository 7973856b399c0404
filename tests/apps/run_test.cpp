// The program itself: `streamdiffusion run` over a tiny model, what it writes read back.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <csignal>
#include <fstream>

#include "apps/program.h"
#include "support/clips.h"
#include "support/wait.h"

namespace streamdiffusion::media {
namespace {

using namespace streamdiffusion::testing;
using ::testing::HasSubstr;

class RunTest : public ProgramTest {
 protected:
  int run(const std::vector<std::string>& flags, const std::string& input = "/dev/null") {
    return ProgramTest::run(with_model("run", flags), input);
  }
};

const char* const kClip = "lavfi:testsrc=size=50x30:rate=10:duration=1.2";

TEST_F(RunTest, EveryFrameOfAFileComesOutAtItsTime) {
  ASSERT_EQ(run({"--input", kClip, "--output", folder_ / "a.mp4", "--json", folder_ / "a.json"}), 0)
      << said();
  EXPECT_THAT(said(), HasSubstr("12 frames"));
  EXPECT_THAT(text_of(folder_ / "a.json"), HasSubstr("\"processed\": 12"));
  const auto source = open_source(folder_ / "a.mp4");
  EXPECT_EQ(source->info().width, 32);
  EXPECT_NEAR(source->info().rate.value(), 10, 0.01);
  EXPECT_EQ(read_all(*source).pts.size(), 12U);
}

TEST_F(RunTest, PipesAndLimitsWorkTogether) {
  ASSERT_EQ(run({"--input", kClip, "--frames", "5", "--quiet"}), 0) << said();
  EXPECT_EQ(said(), "");
  std::filesystem::rename(folder_ / "out", folder_ / "first.y4m");
  ASSERT_EQ(run({"--output", folder_ / "images", "--duration", "0.3"}, folder_ / "first.y4m"), 0)
      << said();
  EXPECT_EQ(open_source(folder_ / "images")->info().frames, 3U);
}

TEST_F(RunTest, FlagsOverrideTheConfigFile) {
  std::ofstream(folder_ / "a.yaml") << "input: " << kClip << "\nframes: 2\nfps: 5\nprompt: red\n"
                                    << "output: " << folder_ / "wrong.mkv"
                                    << "\n";
  ASSERT_EQ(run({"--output", folder_ / "right.mkv", "--config", folder_ / "a.yaml"}), 0) << said();
  EXPECT_FALSE(std::filesystem::exists(folder_ / "wrong.mkv"));
  EXPECT_EQ(read_all(*open_source(folder_ / "right.mkv")).pts.size(), 2U);
  std::ofstream(folder_ / "b.yaml") << "promt: red\n";
  EXPECT_EQ(run({"--config", folder_ / "b.yaml"}), 2);
  EXPECT_THAT(said(), HasSubstr("b.yaml:1: unknown key \"promt\"; did you mean \"prompt\"?"));
}

TEST_F(RunTest, AStopFinishesTheFile) {
  const pid_t process =
      start(with_model("run", {"--input", "lavfi:testsrc=size=50x30:rate=30,realtime", "--output",
                               folder_ / "a.mp4"}));
  wait_until("the first fragment, of a second",
             [&] { return text_of(folder_ / "a.mp4").find("moof") != std::string::npos; });
  ::kill(process, SIGINT);
  EXPECT_EQ(wait(process), 128 + SIGINT) << said();
  EXPECT_GT(read_all(*open_source(folder_ / "a.mp4")).pts.size(), 0U);
}

TEST_F(RunTest, AnInputThatBreaksOffLeavesAFileThatPlays) {
  ASSERT_EQ(run({"--input", kClip, "--quiet"}), 0) << said();
  const std::string whole = text_of(folder_ / "out");
  std::ofstream(folder_ / "cut.y4m", std::ios::binary) << whole.substr(0, whole.size() - 100);
  EXPECT_EQ(run({"--input", folder_ / "cut.y4m", "--output", folder_ / "a.mp4"}), 1);
  EXPECT_THAT(said(), HasSubstr("ends inside a frame"));
  EXPECT_THAT(said(), HasSubstr("; 11 frames written to " + (folder_ / "a.mp4") + ", which play"));
  EXPECT_EQ(read_all(*open_source(folder_ / "a.mp4")).pts.size(), 11U);
}

/// Of real time: three seconds of video cannot be shown in less.
TEST_F(RunTest, PlaybackKeepsToTheClock) {
  ::setenv("SDL_VIDEODRIVER", "dummy", 1);
  const std::string clip = "lavfi:testsrc=size=50x30:rate=10:duration=3";
  const auto seconds = [&](std::vector<std::string> flags) {
    flags.insert(flags.end(), {"--input", clip});
    const auto start = std::chrono::steady_clock::now();
    EXPECT_EQ(run(flags), 0) << said();
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  };
  EXPECT_GE(seconds({"--output", "window"}), 2.9);
  EXPECT_GE(seconds({"--output", folder_ / "a.mkv", "--realtime"}), 2.9);
  ::unsetenv("SDL_VIDEODRIVER");
}

TEST_F(RunTest, WrongRequestsAreRefusedBeforeAnythingRuns) {
  EXPECT_EQ(run({"--input", kClip, "--output", folder_ / "a.xyz"}), 2);
  EXPECT_EQ(run({"--input", folder_ / "none.mp4", "--output", folder_ / "a.mp4"}), 1);
  EXPECT_THAT(said(), HasSubstr("none.mp4: no such file"));
  EXPECT_EQ(run({"--input", kClip, "--output", "/proc/a.mp4"}), 1);
  EXPECT_THAT(said(), HasSubstr("/proc/a.mp4: opening: libav says"));
}

}  // namespace
}  // namespace streamdiffusion::media
