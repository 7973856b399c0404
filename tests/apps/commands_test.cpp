// The program itself: `info`, `bench` and `quantize` over a tiny model, as a user types
// them.
#include "apps/commands.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "json/json.h"
#include "media/frame_sink.h"

namespace streamdiffusion::testing {
namespace {

using json::Json;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

class InfoCommand : public CommandsTest {};
class BenchCommand : public CommandsTest {};
/// On the reference, which knows int8 whatever the processor knows. `quantize` draws at the model's
/// own size, which must be small for it.
class QuantizeCommand : public CommandsTest {
 protected:
  QuantizeCommand() { small_.write("streamdiffusion.json", R"({"width": 32, "height": 32})"); }
  int quantize(const std::vector<std::string>& flags) {
    std::vector<std::string> all{"quantize", "--model", small_.path(), "--device", "ref"};
    all.insert(all.end(), flags.begin(), flags.end());
    return run(all);
  }
  TinyModel small_;
};
class AnyCommand : public CommandsTest {};

TEST_F(AnyCommand, ReadsTheImagesThatRunReads) {
  const std::string data = SD_TEST_DATA_DIR "/media/";
  const std::string pixels(2 * 2 * 3, 'x');
  folder_.write("in/a.ppm", "P6\n2 2\n255\n" + pixels);
  std::filesystem::copy_file(data + "one.tif", folder_ / "in/b.tif");
  for (const char* command : {"image", "run"}) {
    const std::string out = folder_ / command;
    ASSERT_EQ(run_with_model(command, {"--input", folder_ / "in", "--output", out, "--quiet"}),
              kDone)
        << said();
    EXPECT_EQ(said(), "");
    EXPECT_EQ(files_in(out), 2);
    ASSERT_EQ(run_with_model(command, {"--input", "-", "--output", folder_ / "one/", "--quiet"},
                             folder_ / "in/b.tif"),
              kDone)
        << said();
  }
  std::filesystem::copy_file(data + "animated.png", folder_ / "animated");
  media::write_clip(*media::open_sink(folder_ / "a.gif", {.width = 32, .height = 24}), 32, 24,
                    media::steady(3));
  for (const char* name : {"animated", "a.gif"}) {
    EXPECT_EQ(run_with_model("image", {"--input", folder_ / name, "--output", folder_ / "b.png"}),
              kFailed);
    EXPECT_THAT(said(), HasSubstr("expected a still image")) << name;
  }
}

TEST_F(AnyCommand, ALinkInThePlaceOfAnOutputIsFollowed) {
  namespace fs = std::filesystem;
  const std::string input = images(1) + "/0.png";
  folder_.write("store/old", "old");
  fs::create_symlink("store/old", folder_ / "a.png");
  fs::create_symlink("store/new/there", folder_ / "b.png");  // nothing is there yet
  fs::create_symlink("store/json", folder_ / "c.json");
  fs::create_symlink("store/images", folder_ / "images");
  ASSERT_EQ(run_with_model("image", {"--input", input, "--output", folder_ / "images"}), kDone)
      << said();
  EXPECT_EQ(files_in(folder_ / "store/images"), 1);
  ASSERT_EQ(run_with_model("image", {"--input", input, "--output", folder_ / "a.png", "--sheet",
                                     folder_ / "b.png"}),
            kDone)
      << said();
  ASSERT_EQ(run_with_model("bench", {"--frames", "1", "--json", folder_ / "c.json"}), kDone);
  for (const char* link : {"a.png", "b.png", "c.json"})
    EXPECT_TRUE(fs::is_symlink(folder_ / link)) << link;
  EXPECT_EQ(image::read_image(folder_ / "store/old").width, 32);
  EXPECT_GT(image::read_image(folder_ / "store/new/there").width, 32);
  EXPECT_THAT(bytes_of(folder_ / "store/json"), HasSubstr("frame_ms"));
  fs::create_symlink("there", folder_ / "d.png");
  fs::create_symlink("there", folder_ / "e.png");
  EXPECT_EQ(run_with_model("image", {"--output", folder_ / "d.png", "--sheet", folder_ / "e.png"}),
            kUsage);
  EXPECT_THAT(said(), HasSubstr("would be written twice"));
  fs::create_symlink("f.png", folder_ / "f.png");
  EXPECT_EQ(run_with_model("image", {"--output", folder_ / "f.png"}), kFailed);
  EXPECT_THAT(said(), HasSubstr("f.png: is a link that leads in a circle"));
}

TEST_F(AnyCommand, HelpHasExamples) {
  for (const std::string command : {"image", "run", "serve", "info", "bench", "quantize"}) {
    ASSERT_EQ(run({command, "--help"}), kDone) << said();
    EXPECT_THAT(printed(), HasSubstr("Usage: streamdiffusion " + command));
    const std::size_t examples = printed().find("Examples:");
    ASSERT_NE(examples, std::string::npos) << command;
    EXPECT_THAT(printed().substr(examples), HasSubstr("streamdiffusion " + command));
  }
}

TEST_F(AnyCommand, WrongUsageIsExitCodeTwoAndSaysWhat) {
  const std::pair<std::vector<std::string>, const char*> cases[]{
      {{"draw"}, "there is no command \"draw\", only image, run, "},
      {{"imgae"}, "there is no command \"imgae\"; did you mean image?"},
      {{"--foo"}, "--foo is no flag of `streamdiffusion`; --help lists them"},
      {{"--verison"}, "--verison is no flag of `streamdiffusion`; did you mean --version?"},
      {{"--foo=1", "image"}, "--foo is no flag"},
      {{"-x"}, "-x is no flag"},
      {{"-"}, "there is no command \"-\""},
      {{"--"}, "there is no command"},
      {{"--prompt", "cat", "image"}, "--prompt stands before a command, expected it behind one of"},
      {{"--max-sessions=2"}, "expected it behind one of serve"},
      {{"--version=2"}, "--version takes no value"},
      {{"image", "--promt", "cat"}, "did you mean --prompt?"},
      {{"image", "--prompt", ""}, "--prompt is empty, expected a value; () stands for no text"},
      {{"image", "--prompt", " \t"}, "--prompt is empty"},
      {{"run", "--prompt", "cat", "\u3000"}, "--prompt is empty"},
      {{"image", "--negative-prompt", "  "},
       "--negative-prompt is empty, expected a value; () stands"},
      {{"image", "--seed", "1", "--seed", "2"}, "--seed is given twice"},
      {{"image", "red", "apple"}, "\"red\" belongs to no flag"},
      {{"image", "--vae", "a", "--random-weights", "sd15"}, "--vae and --random-weights"},
      {{"info", "a", "--model", "b"}, "the model is given twice"},
      {{"quantize", "--no-cache"}, "expected --output FILE"},
      {{"image", "--output", ".png"}, ".png: has no name before its extension"},
      {{"run", "--input", "-", "--output", "out/.MP4"}, "out/.MP4/"},
      {{"run", "--input-size", "0x10"}, "--input-size is \"0x10\", expected a size"},
      {{"run", "--input-size", "640 x480"}, "--input-size"},
      {{"info", "--nonsense"}, "--nonsense"},
      {{"image", "--count", "0"}, "--count is 0"},
      {{"image", "--count", "many"}, "--count"},
      {{"image", "--fit", "fill"}, "--fit"},
      {{"image", "--model", "a", "--random-weights", "sd15"}, "--random-weights"},
      {{"bench", "--frames", "0"}, "--frames is 0"},
      {{"bench", "--json", "x.json", "--trace", "./x.json"}, "x.json: would be written twice"},
      {{"run", "--input", "screen:0,0,0x10", "--output", "a.mp4"},
       "expected screen, screen:portal or screen:X,Y"},
      {{"run", "--input", "screen:1,2", "--output", "a.mp4"},
       "expected screen, screen:portal or screen:X,Y"},
      {{"run", "--input", "screen:-1,0,8x8", "--output", "a.mp4"},
       "expected screen, screen:portal or screen:X,Y"},
      {{"run", "--input", "screen:0,0,8x8 ", "--output", "a.mp4"},
       "expected screen, screen:portal or screen:X,Y"},
      {{"bench", "--source-fps", "0"}, "--source-fps"},
      {{"quantize", "--input"}, "--input"},
      {{"quantize", "--dtype", "bf16"}, "--dtype"},
      {with_model("image", {"--prompt", "a", "--prompt-weights", "1", "2"}), "--prompt-weights"},
      {{"image", "--model", model().path(), "--width", "33"}, "width is 33"},
  };
  for (const auto& [arguments, message] : cases) {
    EXPECT_EQ(run(arguments), kUsage) << message << ": " << said();
    EXPECT_THAT(said(), HasSubstr(message));
    EXPECT_EQ(printed(), "") << message;
  }
}

TEST_F(AnyCommand, AModelThatIsNotThereOrIsBrokenIsNamed) {
  const std::string broken = folder_.write("broken/model_index.json", "{").parent_path().string();
  for (const std::string command : {"image", "info", "bench", "quantize"}) {
    EXPECT_EQ(run({command, "--model", folder_ / "none"}), kFailed) << command;
    EXPECT_THAT(said(), HasSubstr("error: " + (folder_ / "none") +
                                  ": no such folder or file, expected a model"));
    EXPECT_EQ(run({command, "--model", broken}), kFailed) << command;
    EXPECT_THAT(said(), HasSubstr("error: " + broken + "/model_index.json"));
  }
  EXPECT_EQ(run({"info", "--random-weights", "sd16"}), kUsage);
  EXPECT_THAT(said(), HasSubstr("\"sd16\", expected one of"));
}

TEST_F(AnyCommand, AMalformedListOfKnownWordsIsNoticed) {
  TinyModel broken;
  broken.write("concepts.json", "{");
  for (const std::string command : {"image", "info", "bench"}) {
    EXPECT_EQ(run({command, "--model", broken.path(), "--device", SD_TEST_DEVICE}), kFailed)
        << command;
    EXPECT_THAT(said(), HasSubstr("concepts.json: not valid JSON"));
  }
}

TEST_F(InfoCommand, SaysWhatTheModelIsAndItsOps) {
  ASSERT_EQ(run_with_model("info", {}), kDone) << said();
  for (const char* line : {"parameters", "tokenizer", "latents     4 channels, 1/8", "32x24",
                           "device", "needs", "holds", "unet, per frame", "decode, per frame"}) {
    EXPECT_THAT(printed(), HasSubstr(line));
  }
  const std::size_t sums = printed().size();
  ASSERT_EQ(run_with_model("info", {"--ops"}), kDone) << said();
  EXPECT_GT(printed().size(), 2 * sums);
  EXPECT_THAT(printed(), HasSubstr("conv_in"));
}

TEST_F(InfoCommand, SaysWhetherSessionsShareCallsAndWhatAFrameCosts) {
  const auto info = [&](const std::vector<std::string>& flags) {
    EXPECT_EQ(run_with_model("info", flags), kDone) << said();
    return printed();
  };
  using ::testing::AllOf;
  EXPECT_THAT(info({}),
              AllOf(HasSubstr("a frame     "), HasSubstr(" of the UNet of"),
                    HasSubstr("batching    off: sessions take turns, because batching is off\n")));
  EXPECT_THAT(info({"--batching", "8"}),
              AllOf(HasSubstr("batching    up to 8 rows of several sessions"),
                    HasSubstr("for UNet calls over several such sessions")));
  EXPECT_THAT(info({"--batching", "auto"}), HasSubstr("where it is measured to pay"));
  EXPECT_THAT(info({"--batching", "8", "--cached-attention"}),
              HasSubstr("off: sessions take turns, because cached attention keeps earlier frames"));
  EXPECT_THAT(info({"--batching", "2"}), HasSubstr("off: sessions take turns, because its "));
  EXPECT_THAT(info({"--batching", "8", "--parallel", "rows"}),
              HasSubstr("off: sessions take turns, because parallel is rows"));
  for (const std::string word : {"sometimes", "1", "65", "-2", "8x"}) {
    EXPECT_NE(run_with_model("info", {"--batching", word}), kDone) << word;
    EXPECT_THAT(said(), AllOf(HasSubstr("\"" + word + "\""),
                              HasSubstr("expected auto, off, or a number of rows from 2 to")));
  }
}

TEST_F(InfoCommand, AFullStandardOutputIsAnError) {
  for (const std::vector<std::string>& arguments :
       {with_model("info", {}), {"info", "--parameters", "config"}, {"--help"}, {"--version"}}) {
    printed_to_ = "/dev/full";
    EXPECT_EQ(run(arguments), kFailed) << arguments[0];
    EXPECT_THAT(said(), HasSubstr("error: standard output: cannot write: No space left"));
    printed_to_ = "closed";
    EXPECT_EQ(run(arguments), kFailed) << arguments[0];
    EXPECT_THAT(said(), HasSubstr("error: standard output: cannot write: Bad file descriptor"));
  }
}

TEST_F(InfoCommand, TakesTheModelAsItsArgumentOrTheOneInTheBox) {
  ASSERT_EQ(run({"info", model().path(), "--device", "ref"}), kDone) << said();
  EXPECT_THAT(printed(), HasSubstr("4 channels, 1/8"));
  ASSERT_EQ(run({"info"}), kDone) << said();
  EXPECT_THAT(printed(), StartsWith("model       pictogram\n"));
}

TEST_F(BenchCommand, PrintsAndWritesItsFigures) {
  ASSERT_EQ(run_with_model("bench", {"--frames", "4", "--json", folder_ / "a.json", "--trace",
                                     folder_ / "trace.json"}),
            kDone)
      << said();
  for (const char* line : {"frame     p50", "work", "memory", "decode", "encode", "unet"}) {
    EXPECT_THAT(printed(), HasSubstr(line));
  }
  const Json json = Json::read(folder_ / "a.json");
  EXPECT_EQ(json.at("frames").integer(), 4);
  EXPECT_EQ(json.at("reused").integer(), 0);
  for (const char* key :
       {"fps", "gflop_per_frame", "peak_gflops", "resident_mib", "weights_mib", "first_frame_ms"}) {
    EXPECT_GT(json.at(key).number(), 0) << key;
  }
  EXPECT_GE(json.at("frame_ms").at("p99").number(), json.at("frame_ms").at("p50").number());
  for (const char* stage : {"encode", "unet", "decode"}) {
    EXPECT_GT(json.at("stages_ms").at(stage).number(), 0) << stage;
  }
  EXPECT_GT(Json::read(folder_ / "trace.json").size(), 0U);
}

TEST_F(BenchCommand, LiveCountsEveryFrame) {
  ASSERT_EQ(run_with_model("bench", {"--live", "--seconds", "0.5", "--source-fps", "50", "--json",
                                     folder_ / "a.json"}),
            kDone)
      << said();
  EXPECT_NE(printed(), "");
  EXPECT_GT(Json::read(folder_ / "a.json").size(), 5U);
}

TEST_F(BenchCommand, LiveSessionsShareTheEngine) {
  ASSERT_EQ(run_with_model("bench", {"--live", "--sessions", "3", "--seconds", "0.5", "--json",
                                     folder_ / "a.json"}),
            kDone)
      << said();
  EXPECT_THAT(printed(), HasSubstr("3 in turns"));
  const Json json = Json::read(folder_ / "a.json");
  EXPECT_EQ(json.at("sessions").integer(), 3);
  EXPECT_GT(json.at("least_fps").number(), 0);
  EXPECT_GE(json.at("fps").number(), 3 * json.at("least_fps").number());
  EXPECT_EQ(json.at("captured").integer(),
            json.at("processed").integer() + json.at("dropped").integer());
}

TEST_F(BenchCommand, AReportThatCannotBeWrittenIsAnError) {
  EXPECT_EQ(run_with_model("bench", {"--frames", "1", "--json", "/dev/full"}), kFailed);
  EXPECT_THAT(said(), HasSubstr("error: /dev/full: cannot write: No space left on device"));
  const std::string old = folder_.write("old.json", "{}").string();
  largest_file_ = 200;
  EXPECT_EQ(run_with_model("bench", {"--frames", "1", "--json", old}), kFailed);
  largest_file_ = 0;
  EXPECT_EQ(bytes_of(old), "{}");
  EXPECT_EQ(run_with_model("bench", {"--frames", "1", "--json", folder_ / "none/a.json"}), kFailed);
  EXPECT_THAT(said(),
              HasSubstr("error: " + (folder_ / "none/a.json") + ": cannot write: No such file"));
}

TEST_F(QuantizeCommand, WritesACalibrationThatTheOthersRead) {
  const std::string file = folder_ / "new/int8.json";
  const std::vector<std::string> flags{"--input", images(2), "--output", file};
  ASSERT_EQ(quantize(flags), kDone) << said();
  EXPECT_THAT(printed(), StartsWith(file + "\n"));
  const Json json = Json::read(file);
  EXPECT_GT(json.at("unet").size() + json.at("autoencoder").size(), 0U);
  EXPECT_FALSE(exists("cache")) << "not asked for";
  ASSERT_EQ(run({"info", "--model", small_.path(), "--device", "ref", "--dtype", "int8",
                 "--calibration", file}),
            kDone)
      << said();
  EXPECT_THAT(printed(), HasSubstr("int8"));

  largest_file_ = 20;
  const std::string before = bytes_of(file);
  EXPECT_EQ(quantize(flags), kFailed);
  EXPECT_EQ(bytes_of(file), before);
  EXPECT_EQ(files_in(folder_ / "new"), 1) << "a part was left behind";
}

TEST_F(CommandsTest, AnInputThatCannotBeReadIsFoundBeforeAModelIsOpened) {
  folder_.write("bad.png", "no image");
  folder_.write("all/1.png", "no image");
  folder_.write("all/2.png", std::string("\x89PNG\r\n\x1a\n", 8));
  folder_.write("bad.mp4", "no video");
  const auto said_without_model = [&](const std::string& command, const std::string& input) {
    EXPECT_EQ(run({command, "--model", folder_ / "none", "--input", folder_ / input, "--output",
                   folder_ / "new"}),
              kFailed);
    EXPECT_THAT(said(), Not(HasSubstr(folder_ / "none"))) << command;
    return said();
  };
  for (const char* command : {"image", "quantize", "run"}) {
    EXPECT_THAT(said_without_model(command, "bad.png"), HasSubstr("bad.png: is no image that"));
    EXPECT_THAT(said_without_model(command, "missing.png"), HasSubstr("missing.png"));
    EXPECT_THAT(said_without_model(command, "all"), HasSubstr("all/2.png: "));
  }
  EXPECT_THAT(said_without_model("image", "all"), HasSubstr("2 of 2 images could not be read"));
  EXPECT_THAT(said_without_model("run", "all"), HasSubstr("all: no frame could be drawn"));
  EXPECT_THAT(said_without_model("run", "bad.mp4"), HasSubstr("bad.mp4: cannot be opened"));
  EXPECT_FALSE(exists("new"));
  EXPECT_EQ(run({"quantize", "--model", folder_ / "none", "--output", folder_ / "bad.png/new/a"}),
            kFailed);
  EXPECT_THAT(said(), HasSubstr("bad.png: is a file, expected a folder"));
}

TEST_F(QuantizeCommand, OneUnreadableImageIsNamedAndTheOthersAreUsed) {
  const std::string folder = images(2);
  folder_.write("in/bad.png", "no image");
  EXPECT_EQ(quantize({"--input", folder, "--output", folder_ / "int8.json"}), kFailed);
  EXPECT_THAT(said(), HasSubstr("error: " + folder + "/bad.png"));
  EXPECT_THAT(said(), HasSubstr("error: 1 of 3 images could not be read"));
  EXPECT_TRUE(exists("int8.json"));
  EXPECT_EQ(quantize({"--input", folder + "/0.png", "--output", folder + "/0.png"}), kUsage);
  EXPECT_THAT(said(), HasSubstr("is also the input"));
  EXPECT_EQ(read("in/0.png").height, 30);
}

TEST_F(QuantizeCommand, NoFileOfTheModelIsReplacedButItsCalibration) {
  const std::string model = folder_ / "model";
  std::filesystem::copy(small_.path(), model, std::filesystem::copy_options::recursive);
  for (const char* file : {"/model_index.json", "/unet/config.json"}) {
    const std::string before = bytes_of(model + file);
    EXPECT_EQ(run({"quantize", "--model", model, "--output", model + file}), kUsage);
    EXPECT_THAT(said(), HasSubstr("is also the input"));
    EXPECT_EQ(run({"bench", "--model", model, "--json", model + file}), kUsage);
    EXPECT_EQ(bytes_of(model + file), before);
  }
  for (int i = 0; i < 2; ++i)
    ASSERT_EQ(
        run({"quantize", "--model", model, "--device", "ref", "--output", model + "/int8.json"}),
        kDone)
        << said();
}

TEST_F(QuantizeCommand, KeepsItInTheUsersCacheWithoutAnOutput) {
  ASSERT_EQ(quantize({}), kDone) << said();
  EXPECT_EQ(files_in(folder_ / "cache/streamdiffusion"), 1);
  EXPECT_THAT(printed(), StartsWith(folder_ / "cache/streamdiffusion/int8-"));
}

TEST_F(QuantizeCommand, WhatCannotBeReadIsNamed) {
  const std::string garbage = folder_.write("garbage.png", "no image").string();
  EXPECT_EQ(quantize({"--input", garbage}), kFailed);
  EXPECT_THAT(said(), HasSubstr("error: " + garbage));
}

}  // namespace
}  // namespace streamdiffusion::testing
