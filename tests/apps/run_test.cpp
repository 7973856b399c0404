// The program itself: `streamdiffusion run` over a tiny model, what it writes read back.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <fstream>
#include <thread>

#include "media/clips.h"
#include "session/tiny_model.h"

namespace streamdiffusion::media {
namespace {

using ::testing::HasSubstr;

std::string text_of(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

class RunTest : public ::testing::Test {
 protected:
  /// Starts the program; returns its process.
  pid_t start(std::vector<std::string> flags, const std::string& input = "/dev/null") {
    flags.insert(flags.begin(),
                 {SD_PROGRAM, "run", "--model", model().path(), "--device", SD_TEST_DEVICE,
                  "--dtype", "f32", "--width", "32", "--height", "24", "--t-index-list", "22,45"});
    std::vector<char*> arguments;
    for (std::string& flag : flags) arguments.push_back(flag.data());
    arguments.push_back(nullptr);
    const pid_t process = ::fork();
    if (process == 0) {
      std::signal(SIGINT, SIG_DFL);
      ::dup2(::open(input.c_str(), O_RDONLY), STDIN_FILENO);
      ::dup2(::creat((folder_ / "out").c_str(), 0600), STDOUT_FILENO);
      ::dup2(::creat((folder_ / "err").c_str(), 0600), STDERR_FILENO);
      ::execv(SD_PROGRAM, arguments.data());
      ::_exit(127);
    }
    return process;
  }
  static int wait(pid_t process) {
    int status = 0;
    ::waitpid(process, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
  }
  int run(std::vector<std::string> flags, const std::string& input = "/dev/null") {
    return wait(start(std::move(flags), input));
  }
  std::string said() const { return text_of(folder_ / "err"); }

  static const streamdiffusion::testing::TinyModel& model() {
    static const streamdiffusion::testing::TinyModel tiny;
    return tiny;
  }

  Folder folder_;
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
  const pid_t process = start(
      {"--input", "lavfi:testsrc=size=50x30:rate=30,realtime", "--output", folder_ / "a.mp4"});
  for (int i = 0; i < 300 && said().find("ready") == std::string::npos; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
  std::this_thread::sleep_for(std::chrono::milliseconds(500));
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

TEST_F(RunTest, PlaybackKeepsToTheClock) {
  ::setenv("SDL_VIDEODRIVER", "dummy", 1);
  const std::string clip = "lavfi:testsrc=size=50x30:rate=10:duration=3";
  const auto seconds = [&](std::vector<std::string> flags) {
    flags.insert(flags.end(), {"--input", clip});
    const auto start = std::chrono::steady_clock::now();
    EXPECT_EQ(run(std::move(flags)), 0) << said();
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
