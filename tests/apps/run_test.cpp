// The program itself: `streamdiffusion run` over a tiny model, what it writes read back.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <fstream>
#include <tuple>

#include "apps/program.h"
#include "base/error.h"
#include "support/clips.h"
#include "support/wait.h"

namespace streamdiffusion::media {
namespace {

using namespace streamdiffusion::testing;
using ::testing::AnyOf;
using ::testing::ContainsRegex;
using ::testing::HasSubstr;
using ::testing::Not;

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
  EXPECT_THAT(bytes_of(folder_ / "a.json"), HasSubstr("\"processed\": 12"));
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

TEST_F(RunTest, NumberedImagesOfOthersAreRefusedBeforeAModelIsLoaded) {
  folder_.write("images/000002.png", "precious");
  const std::vector<std::string> flags{"run", "--model",  "no such model",     "--input",
                                       kClip, "--output", folder_ / "images/", "--quiet"};
  EXPECT_NE(ProgramTest::run(flags, "/dev/null"), 0);
  EXPECT_THAT(said(), HasSubstr("holds 000002.png, which this program did not write there"));
  EXPECT_EQ(bytes_of(folder_ / "images/000002.png"), "precious");
}

TEST_F(RunTest, AddressesOfFilesAreThePathsThatTheyName) {
  const std::string in = "file://localhost" + (folder_ / "a%20b.mkv");
  ASSERT_EQ(run({"--input", kClip, "--output", in, "--frames", "2", "--quiet"}), 0) << said();
  EXPECT_TRUE(std::filesystem::exists(folder_ / "a b.mkv"));
  folder_.write("c.yaml", "input: " + in + "\noutput: file:" + (folder_ / "c.mkv") + "\n");
  ASSERT_EQ(run({"--config", "file:" + (folder_ / "c%2eyaml"), "--json",
                 "file:" + (folder_ / "c.json"), "--quiet"}),
            0)
      << said();
  for (const char* name : {"c.mkv", "c.json"})
    EXPECT_TRUE(std::filesystem::exists(folder_ / name)) << name;
  EXPECT_NE(run({"--input", in, "--output", "file:" + (folder_ / "a b.mkv")}), 0);
  EXPECT_THAT(said(), HasSubstr("is also the input"));
  EXPECT_NE(run({"--input", kClip, "--output", "file://server/a.mkv"}), 0);
  EXPECT_THAT(said(), HasSubstr("names the host \"server\""));
}

TEST_F(RunTest, AFileThatMayNotGrowIsNamedWithWhatIsInIt) {
  largest_file_ = 700;  // more than the header, less than the frames
  for (const char* name : {"a.mkv", "a.gif"}) {
    EXPECT_EQ(run({"--input", kClip, "--output", folder_ / name, "--quiet"}), 1) << name;
    EXPECT_THAT(said(), AllOf(HasSubstr("File too large"),
                              HasSubstr("; what could be written is in " + (folder_ / name))))
        << name;
  }
  EXPECT_EQ(run({"--input", kClip, "--output", "/dev/full", "--output-format", "y4m"}), 1);
  EXPECT_THAT(said(), AllOf(HasSubstr("/dev/full"), HasSubstr("No space left on device"),
                            Not(HasSubstr("what could be written"))));
}

TEST_F(RunTest, ModelsHaveAddressesToo) {
  const std::string model_address = "file://" + model().path();
  const std::vector<std::string> stream{"--input",  kClip, "--output", folder_ / "a.mkv",
                                        "--frames", "1",   "--quiet"};
  const auto run_with = [&](std::vector<std::string> flags) {
    flags.insert(flags.begin(), "run");
    flags.insert(flags.end(), stream.begin(), stream.end());
    return ProgramTest::run(flags, "/dev/null");
  };
  EXPECT_EQ(run_with({"--model", model_address, "--unet", model_address + "/unet"}), 0) << said();
  EXPECT_EQ(ProgramTest::run({"info", model_address}, "/dev/null"), 0) << said();
  folder_.write("m.yaml", "model: " + model_address + "\nvae: " + model_address + "/vae\n");
  EXPECT_EQ(run_with({"--config", folder_ / "m.yaml"}), 0) << said();
  for (const char* flag : {"--lora", "--controlnet", "--ip-adapter", "--text-encoder"}) {
    const std::string scale = flag == std::string("--text-encoder") ? "" : ":0.5";
    EXPECT_NE(run_with({"--model", model_address, flag, "FILE:/no/a%20b.safetensors" + scale}), 0);
    EXPECT_THAT(said(), HasSubstr("/no/a b.safetensors")) << flag;
  }
  EXPECT_NE(run_with({"--model", "file://elsewhere/m"}), 0);
  EXPECT_THAT(said(), HasSubstr("names the host \"elsewhere\""));
}

TEST_F(RunTest, ARateIsANumberOrARatio) {
  for (const char* rate : {"30000/1001", "29.97"}) {
    ASSERT_EQ(run({"--input", kClip, "--fps", rate, "--frames", "2", "--quiet"}), 0) << said();
    EXPECT_THAT(printed().substr(0, 60), HasSubstr(" F30000:1001 ")) << rate;
  }
  EXPECT_EQ(run({"--input", kClip, "--fps", "ntsc"}), 2);
  EXPECT_THAT(said(), HasSubstr("--fps is ntsc, expected a number from 0.001 to 1000, or a "
                                "ratio such as 30000/1001"));
}

TEST_F(RunTest, ACodecThatTheOutputDoesNotHoldIsRefusedAtOnce) {
  for (const auto& [name, codec, held] :
       {std::tuple("a.webm", "h264", "vp9 or vp8"), std::tuple("a.mp4", "vp8", "h264 or vp9"),
        std::tuple("a.mov", "vp9", "h264"), std::tuple("udp://127.0.0.1:9", "vp8", "h264")}) {
    const std::string output = std::string(name).starts_with("udp") ? name : folder_ / name;
    EXPECT_EQ(ProgramTest::run({"run", "--model", "none", "--input", kClip, "--codec", codec,
                                "--output", output}),
              2);
    EXPECT_THAT(said(), HasSubstr(output + ": the codec " + codec +
                                  " does not go into this kind of output, expected " + held));
  }
  ASSERT_EQ(run({"--input", kClip, "--codec", "vp8", "--output", folder_ / "a.gif", "--quiet"}), 0);
  EXPECT_THAT(said(), HasSubstr("--codec has no effect on this output"));
}

TEST_F(RunTest, StandardStreamsAreKnownByAllTheirNames) {
  for (const char* output : {"-", "/dev/stdout", "/dev/fd/1"}) {
    ASSERT_EQ(run({"--input", kClip, "--frames", "1", "--output", output, "--output-format",
                   "rgb24", "--quiet"}),
              0);
    EXPECT_EQ(said(), "") << output;
    EXPECT_EQ(printed().size(), 32U * 24 * 3);
  }
  std::filesystem::rename(folder_ / "out", folder_ / "raw");
  for (const char* input : {"-", "/dev/stdin"}) {
    ASSERT_EQ(run({"--input", input, "--input-format", "rgb24", "--input-size", "32x24", "--output",
                   folder_ / "a.mkv", "--quiet"},
                  folder_ / "raw"),
              0)
        << said();
    EXPECT_EQ(said(), "") << input;
  }
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
             [&] { return bytes_of(folder_ / "a.mp4").find("moof") != std::string::npos; });
  ::kill(process, SIGINT);
  EXPECT_EQ(wait(process), 128 + SIGINT) << said();
  EXPECT_GT(read_all(*open_source(folder_ / "a.mp4")).pts.size(), 0U);
}

TEST_F(RunTest, AStopWhileTheModelIsReadLeavesNoOutput) {
  const pid_t process =
      start({"run", "--random-weights", "sd15", "--device", SD_TEST_DEVICE, "--input",
             "lavfi:testsrc=size=50x30:rate=30", "--output", folder_ / "a.mp4"});
  wait_until("the session", [&] {
    return bytes_of(folder_ / "err").find("this session needs about") != std::string::npos;
  });
  ::kill(process, SIGTERM);
  EXPECT_EQ(wait(process), 128 + SIGTERM) << said();
  EXPECT_THAT(said(), ::testing::Not(HasSubstr("ready in")));
  EXPECT_FALSE(std::filesystem::exists(folder_ / "a.mp4"));
}

TEST_F(RunTest, TwoSignalsBeforeTheFirstFrameLeaveNoFile) {
  for (const char* name : {"a.mp4", "a.mkv", "a.gif", "images"}) {
    std::filesystem::remove(folder_ / "err");  // of the process before
    const pid_t process =
        start({"run", "--model", model().path(), "--device", SD_TEST_DEVICE, "--dtype", "f32",
               "--width", "1536", "--height", "1536", "--t-index-list", "45", "--input",
               "lavfi:testsrc=size=50x30:rate=30", "--output", folder_ / name});
    wait_until("the session",
               [&] { return bytes_of(folder_ / "err").find("ready in") != std::string::npos; });
    ::kill(process, SIGTERM);
    ::kill(process, SIGINT);  // not the same: of two equal ones one may be lost
    EXPECT_THAT(wait(process), ::testing::AnyOf(128 + SIGTERM, 128 + SIGINT)) << said();
    EXPECT_FALSE(std::filesystem::exists(folder_ / name)) << name;
  }
}

TEST_F(RunTest, AnInputThatBreaksOffLeavesAFileThatPlays) {
  ASSERT_EQ(run({"--input", kClip, "--quiet"}), 0) << said();
  const std::string whole = bytes_of(folder_ / "out");
  std::ofstream(folder_ / "cut.y4m", std::ios::binary) << whole.substr(0, whole.size() - 100);
  EXPECT_EQ(run({"--input", folder_ / "cut.y4m", "--output", folder_ / "a.mp4"}), 1);
  EXPECT_THAT(said(), HasSubstr("ends inside a frame"));
  EXPECT_THAT(said(), HasSubstr("; 11 frames written to " + (folder_ / "a.mp4") + ", which play"));
  EXPECT_EQ(read_all(*open_source(folder_ / "a.mp4")).pts.size(), 11U);
}

TEST_F(RunTest, NoSourceIsWrittenOver) {
  namespace fs = std::filesystem;
  ASSERT_EQ(run({"--input", kClip, "--output", folder_ / "a.mkv", "--quiet"}), 0) << said();
  ASSERT_EQ(run({"--input", kClip, "--output", folder_ / "in", "--quiet"}), 0) << said();
  fs::create_symlink(folder_ / "a.mkv", folder_ / "link.mkv");
  folder_.write("a.yaml", std::string("input: ") + kClip + "\n");
  folder_.write("all.ffconcat", "ffconcat version 1.0\nfile a.mkv\n");
  const std::string video = bytes_of(folder_ / "a.mkv"),
                    image = bytes_of(folder_ / "in/000000.png");
  const std::vector<std::vector<std::string>> cases{
      {"--input", folder_ / "a.mkv", "--output", folder_ / "a.mkv"},
      {"--input", folder_ / "a.mkv", "--output", folder_ / "in/../link.mkv"},
      {"--input", folder_ / "link.mkv", "--output", folder_ / "a.mkv"},
      {"--input", folder_ / "all.ffconcat", "--output", folder_ / "a.mkv"},
      {"--input", "lavfi:movie=" + (folder_ / "a.mkv"), "--output", folder_ / "a.mkv"},
      {"--input", folder_ / "in", "--output", folder_ / "in"},
      {"--input", folder_ / "in/*.png", "--output", folder_ / "in/."},
      {"--input", folder_ / "a.mkv", "--output", folder_ / "b.mkv", "--json", folder_ / "a.mkv"},
      {"--config", folder_ / "a.yaml", "--output", folder_ / "b.mkv", "--json", folder_ / "a.yaml"},
      {"--input", kClip, "--control-input", folder_ / "a.mkv", "--output", folder_ / "a.mkv"},
      {"--input", kClip, "--lora", folder_ / "a.mkv", "--output", folder_ / "a.mkv"},
      {"--input", kClip, "--unet", folder_ / "in", "--json", folder_ / "in/000000.png", "--output",
       folder_ / "b.mkv"},
      {"--output", folder_ / "a.mkv"}};
  for (const std::vector<std::string>& flags : cases) {
    EXPECT_EQ(run(flags, folder_ / "a.mkv"), 2) << flags[1] << "\n" << said();
    EXPECT_THAT(said(), HasSubstr("is also the input")) << flags[1];
  }
  EXPECT_EQ(run({"--input", kClip, "--output", folder_ / "c.mkv", "--json", folder_ / "./c.mkv"}),
            2);
  EXPECT_THAT(said(), HasSubstr("would be written twice"));
  EXPECT_EQ(bytes_of(folder_ / "a.mkv"), video);
  EXPECT_EQ(bytes_of(folder_ / "in/000000.png"), image);
}

TEST_F(RunTest, WithoutAFrameThereIsNoFile) {
  folder_.write("a.y4m", "YUV4MPEG2 W64 H64 F25:1 Ip A1:1 C420jpeg\n");
  EXPECT_EQ(run({"--output", folder_ / "a.mp4"}, folder_ / "a.y4m"), 1);
  EXPECT_THAT(said(), HasSubstr("standard input: no frame could be decoded"));
  EXPECT_FALSE(std::filesystem::exists(folder_ / "a.mp4"));
  folder_.write("old.mp4", "old");
  EXPECT_EQ(run({"--output", folder_ / "old.mp4"}, folder_ / "a.y4m"), 1);
  EXPECT_EQ(bytes_of(folder_ / "old.mp4"), "old");
}

TEST_F(RunTest, OneBadImageIsNamedAndTheOthersAreDrawn) {
  ASSERT_EQ(run({"--input", kClip, "--output", folder_ / "in", "--frames", "4", "--quiet"}), 0);
  folder_.write("in/000002.png", bytes_of(folder_ / "in/000002.png").substr(0, 60));
  std::filesystem::rename(folder_ / "in/000003.png", folder_ / "in/tree.png");
  EXPECT_EQ(run({"--input", folder_ / "in", "--output", folder_ / "drawn"}), 1);
  EXPECT_THAT(said(), HasSubstr("warning: " + (folder_ / "in/000002.png")));
  EXPECT_THAT(said(), HasSubstr("1 frame could not be drawn, 3 are in " + (folder_ / "drawn")));
  for (const char* name : {"drawn/000000.png", "drawn/000001.png", "drawn/tree.png"}) {
    EXPECT_TRUE(std::filesystem::exists(folder_ / name)) << name;
  }
  EXPECT_EQ(run({"--input", folder_ / "in", "--output", folder_ / "strict", "--strict"}), 1);
  EXPECT_THAT(said(), HasSubstr("2 frames written to"));
  EXPECT_FALSE(std::filesystem::exists(folder_ / "strict/tree.png")) << "it was on its way";
}

TEST_F(RunTest, DamageIsToldAndStrictEndsWithIt) {
  const std::string glitch = SD_TEST_DATA_DIR "/media/glitch.ts";
  EXPECT_EQ(run({"--input", glitch, "--output", folder_ / "a.mkv"}), 0);
  EXPECT_THAT(said(), HasSubstr("frame 40 of " + glitch));
  EXPECT_THAT(said(), ContainsRegex("frames? w(as|ere) damaged"));
  EXPECT_EQ(read_all(*open_source(folder_ / "a.mkv")).pts.size(), 75U);
  const std::string whole = bytes_of(folder_ / "a.mkv");
  EXPECT_EQ(run({"--input", glitch, "--output", folder_ / "a.mkv", "--strict"}), 1);
  EXPECT_THAT(said(), HasSubstr("39 frames written to " + (folder_ / "a.part.mkv")));
  EXPECT_EQ(bytes_of(folder_ / "a.mkv"), whole);
}

TEST_F(RunTest, AFrameOfAVideoThatIsRefusedIsMissing) {
  ASSERT_EQ(run({"--input", kClip, "--output", folder_ / "in", "--frames", "4", "--quiet"}), 0);
  std::string images;
  for (int i = 0; i < 4; ++i) {
    std::string image = bytes_of(folder_ / ("in/00000" + std::to_string(i) + ".png"));
    if (i == 2) std::fill_n(image.begin() + 60, 20, 'U');  // within the pixels
    images += image;
  }
  folder_.write("images", images);
  const std::vector<std::string> flags{"--output", folder_ / "a.mkv", "--json", folder_ / "a.json"};
  EXPECT_EQ(run(flags, folder_ / "images"), 1);
  EXPECT_THAT(said(), HasSubstr("frame 3 of standard input: the decoder says"));
  EXPECT_THAT(said(), HasSubstr("1 frame could not be drawn, 3 are in " + (folder_ / "a.mkv")));
  EXPECT_THAT(said(), Not(HasSubstr("damaged")));
  for (const char* number : {"captured\": 4", "processed\": 3", "failed\": 1", "damaged\": 0"})
    EXPECT_THAT(bytes_of(folder_ / "a.json"), HasSubstr(number));
}

TEST_F(RunTest, AStopDoesNotWaitForAReaderThatReadsNoMore) {
  ASSERT_EQ(::mkfifo((folder_ / "pipe").c_str(), 0600), 0);
  const int reader = ::open((folder_ / "pipe").c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
  const pid_t process = start(with_model(
      "run", {"--input", "lavfi:testsrc=size=50x30:rate=30", "--output", folder_ / "pipe"}));
  const auto filled = [&] {
    constexpr int kAlmost = 50000;  // 16 pages of 4096 bytes, each with three whole frames
    int bytes = 0;
    return ::ioctl(reader, FIONREAD, &bytes) == 0 && bytes >= kAlmost;
  };
  wait_until("the pipe to be full", filled);
  ::kill(process, SIGTERM);
  EXPECT_EQ(wait(process), 128 + SIGTERM) << said();
  ::close(reader);
}

TEST_F(RunTest, AKilledRunLeavesAFileThatPlays) {
  for (const char* name : {"a.mp4", "a.mkv"}) {
    const std::string path = folder_ / name;
    const pid_t process = start(
        with_model("run", {"--input", "lavfi:testsrc=size=50x30:rate=240", "--output", path}));
    const auto plays = [&] {
      try {
        const auto source = open_source(path);
        return source->read().has_value();
      } catch (const Error&) {
        return false;
      }
    };
    wait_until("something that plays", plays);
    ::kill(process, SIGKILL);
    EXPECT_EQ(wait(process), 1000 + SIGKILL);
    EXPECT_TRUE(plays()) << name;
  }
}

/// Of real time: three seconds of video cannot be shown in less.
TEST_F(RunTest, PlaybackKeepsToTheClock) {
  ::setenv("SDL_VIDEODRIVER", "dummy", 1);
  const std::string clip = "lavfi:testsrc=size=50x30:rate=10:duration=1";
  const auto seconds = [&](std::vector<std::string> flags) {
    flags.insert(flags.end(), {"--input", clip});
    const auto start = std::chrono::steady_clock::now();
    EXPECT_EQ(run(flags), 0) << said();
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  };
  EXPECT_GE(seconds({"--output", "window"}), 0.9);
  EXPECT_GE(seconds({"--output", folder_ / "a.mkv", "--realtime"}), 0.9);
  ::unsetenv("SDL_VIDEODRIVER");
}

TEST_F(RunTest, WrongRequestsAreRefusedBeforeAnythingRuns) {
  EXPECT_EQ(run({"--input", kClip, "--output", folder_ / "a.xyz"}), 2);
  EXPECT_EQ(run({"--input", folder_ / "none.mp4", "--output", folder_ / "a.mp4"}), 1);
  EXPECT_THAT(said(), HasSubstr("none.mp4: no such file"));
  EXPECT_EQ(run({"--input", kClip, "--output", "/proc/a.mp4"}), 1);
  EXPECT_THAT(said(), HasSubstr("/proc/a.mp4: cannot write"));
  folder_.write("file", "");
  for (const std::string& json : {std::string("/proc/a.json"), folder_ / "file/new/a.json"}) {
    EXPECT_EQ(run({"--input", kClip, "--output", folder_ / "a.mp4", "--json", json}), 1);
    EXPECT_THAT(said(), AnyOf(HasSubstr("/proc/a.json: cannot write"),
                              HasSubstr("file: is a file, expected a folder")));
    EXPECT_THAT(said(), Not(HasSubstr("ready in")));
  }
  EXPECT_EQ(run({"--input", kClip, "--output", folder_ / "a.mp4", "--frames", "1", "--json",
                 folder_ / "new/a.json"}),
            0)
      << said();
}

}  // namespace
}  // namespace streamdiffusion::media
