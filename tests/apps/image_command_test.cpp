// The program itself: `image` over a tiny model, as a user types it.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <map>
#include <span>

#include "apps/commands.h"
#include "support/wait.h"

namespace streamdiffusion::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

class ImageCommand : public CommandsTest {};

TEST_F(ImageCommand, EveryFileOfAFolderComesOutInItsPlaceWithASheet) {
  ASSERT_EQ(
      run_with_model("image", {"--input", images(3), "--output", folder_ / "new/out", "--sheet",
                               folder_ / "new/sheet.png", "--dump-tensors", folder_ / "dump"}),
      kDone)
      << said();
  EXPECT_EQ(files_in(folder_ / "new/out"), 3);
  for (const char* name : {"new/out/0.png", "new/out/1.png", "new/out/2.png"}) {
    EXPECT_EQ(read(name).width, 32) << name;
    EXPECT_EQ(read(name).height, 24) << name;
  }
  EXPECT_NE(read("new/out/0.png").rgb, read("new/out/1.png").rgb);
  EXPECT_GT(read("new/sheet.png").width, 3 * 32);
  EXPECT_EQ(printed(), (folder_ / "new/out/0.png") + " … " + (folder_ / "new/out/2.png") + "\n" +
                           (folder_ / "new/sheet.png") + "\n");
  EXPECT_THAT(said(), HasSubstr("3 frames"));
  EXPECT_THAT(bytes_of(folder_ / "dump/images.npy"), HasSubstr("'shape': (3, 3, 24, 32, )"));
  EXPECT_THAT(bytes_of(folder_ / "dump/latents.npy"), HasSubstr("'shape': (3, 4, 3, 4, )"));
}

TEST_F(ImageCommand, OneFileBecomesTheFileThatIsNamed) {
  for (const char* name : {"one.png", "one.jpg"}) {
    ASSERT_EQ(run_with_model("image", {"--input", images(1) + "/0.png", "--output", folder_ / name,
                                       "--quiet"}),
              kDone)
        << said();
    EXPECT_EQ(read(name).width, 32);
    EXPECT_EQ(printed() + said(), "") << "--quiet";
  }
}

TEST_F(ImageCommand, InputsThatAreMissingOrVanishDuringTheRunAreNamedAndTheOthersDrawn) {
  const std::string in = images(3), pipe = folder_ / "pipe.png";
  ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
  const pid_t process =
      start(with_model("image", {"--input", in + "/0.png", folder_ / "missing.png", pipe,
                                 in + "/1.png", in + "/2.png", "--output", folder_ / "drawn"}));
  int writer = -1;
  wait_until("the program to read the pipe", [&] {
    writer = ::open(pipe.c_str(), O_WRONLY | O_NONBLOCK | O_CLOEXEC);
    return writer >= 0;
  });
  std::filesystem::remove(in + "/1.png");
  EXPECT_EQ(::write(writer, "no image", 8), 8);
  ::close(writer);
  EXPECT_EQ(wait(process), kFailed);
  EXPECT_EQ(files_in(folder_ / "drawn"), 2);
  EXPECT_TRUE(exists("drawn/0.png") && exists("drawn/2.png"));
  for (const char* name : {"missing.png: No such file", "pipe.png: is no image that is recognized",
                           "in/1.png: No such file", "3 of 5 images could not be read"})
    EXPECT_THAT(said(), HasSubstr(name));
  EXPECT_EQ(run_with_model("image", {"--input", "no.png", "none.png", "--output", folder_ / "o"}),
            kFailed);
  EXPECT_THAT(said(), HasSubstr("no.png: no such file, nor any other of the 2 inputs"));
  EXPECT_FALSE(exists("o"));
}

TEST_F(ImageCommand, APromptAloneGivesAsManyImagesAsWanted) {
  const std::vector<std::string> flags{"--prompt", "red apple", "--cfg-type",
                                       "none",     "--count",   "2"};
  const auto draw = [&](const std::string& output, const std::string& seed) {
    std::vector<std::string> all = flags;
    all.insert(all.end(), {"--output", folder_ / output, "--seed", seed});
    ASSERT_EQ(run_with_model("image", all), kDone) << said();
  };
  draw("a", "5");
  draw("same", "5");
  draw("other", "6");
  EXPECT_EQ(files_in(folder_ / "a"), 2);
  EXPECT_EQ(bytes_of(folder_ / "a/000001.png"), bytes_of(folder_ / "same/000001.png"));
  EXPECT_NE(bytes_of(folder_ / "a/000001.png"), bytes_of(folder_ / "other/000001.png"));
}

TEST_F(ImageCommand, TheModelInTheBoxIsTakenWithoutAFlag) {
  ASSERT_EQ(run({"image", "--device", SD_TEST_DEVICE, "--width", "64", "--height", "64",
                 "--t-index-list", "32", "--cfg-type", "none", "--output", folder_ / "a.png"}),
            kDone)
      << said();
  EXPECT_EQ(read("a.png").width, 64);
  EXPECT_THAT(said(), StartsWith("pictogram"));
}

TEST_F(ImageCommand, WhatCannotBeReadIsNamedAndNothingIsWritten) {
  folder_.write("in/garbage.png", "no image");
  for (const auto& [input, message] :
       {std::pair("none.png", "no such file"), std::pair("no*.png", "no such file"),
        std::pair("in/garbage.png", "expected a PNG, JPEG, WebP, GIF, TIFF")}) {
    EXPECT_EQ(run_with_model("image", {"--input", folder_ / input, "--output", folder_ / "a.png"}),
              kFailed);
    EXPECT_THAT(said(), HasSubstr("error: " + (folder_ / input)));
    EXPECT_THAT(said(), HasSubstr(message));
    EXPECT_FALSE(exists("a.png"));
  }
}

TEST_F(ImageCommand, OneUnreadableImageIsNamedAndTheOthersAreDrawn) {
  const std::string folder = images(5);
  folder_.write("in/2.png", bytes_of(folder + "/2.png").substr(0, 60));
  for (const char* name : {"in/.DS_Store", "in/._0.png", "in/notes.txt", "in/a.gif"})
    folder_.write(name, "x");
  image::write_image(folder + "/5.webp", media::numbered_image(50, 30, 5));
  std::filesystem::copy_file(folder + "/0.png", folder + "/6");  // a PNG without an extension
  std::filesystem::create_directory(folder + "/deeper");
  EXPECT_EQ(run_with_model("image", {"--input", folder, "--output", folder_ / "new", "--sheet",
                                     folder_ / "sheet.png", "--quiet"}),
            kFailed);
  EXPECT_THAT(said(), HasSubstr("warning: " + folder +
                                ": left out 4 files that are not read as images (.DS_Store, "
                                "._0.png, a.gif, …) and 1 folder\n"));
  EXPECT_THAT(said(), HasSubstr("error: " + folder + "/2.png: libpng says"));
  EXPECT_THAT(said(), HasSubstr("error: 1 of 7 images could not be read"));
  EXPECT_EQ(files_in(folder_ / "new"), 6);
  for (const char* name : {"0", "1", "3", "4", "5", "6"})
    EXPECT_EQ(read(std::string("new/") + name + ".png").width, 32) << name;
  EXPECT_GT(read("sheet.png").width, 6 * 32);
}

TEST_F(ImageCommand, TheOrderOfTheStreamBatchSurvivesAnUnreadableImage) {
  const std::string folder = images(4);
  ASSERT_EQ(run_with_model("image", {"--input", folder, "--output", folder_ / "all"}), kDone);
  folder_.write("in/0.png", "no image");
  EXPECT_EQ(run_with_model("image", {"--input", folder, "--output", folder_ / "some"}), kFailed);
  EXPECT_FALSE(exists("some/0.png"));
  EXPECT_EQ(files_in(folder_ / "some"), 3);
}

TEST_F(ImageCommand, SourcesAreNeverWrittenOver) {
  const std::string folder = images(3);
  const std::string before = bytes_of(folder + "/0.png") + bytes_of(folder + "/2.png");
  std::filesystem::create_directory_symlink(folder, folder_ / "link");
  for (const std::string& output :
       {folder, folder + "/", folder + "/../in", folder_ / "link", folder_ / "not-yet/../in"}) {
    EXPECT_EQ(run_with_model("image", {"--input", folder, "--output", output}), kUsage) << output;
    EXPECT_THAT(said(), HasSubstr("is also the input"));
    EXPECT_THAT(said(), Not(HasSubstr("ready in"))) << "found out before a model is loaded";
  }
  EXPECT_EQ(run_with_model("image", {"--input", folder + "/0.png", "--output", folder_ / "a.png",
                                     "--sheet", folder + "/./0.png"}),
            kUsage);
  EXPECT_EQ(
      run_with_model("image", {"--output", folder_ / "a.png", "--sheet", folder_ / "in/../a.png"}),
      kUsage);
  EXPECT_THAT(said(), HasSubstr("would be written twice"));
  EXPECT_EQ(bytes_of(folder + "/0.png") + bytes_of(folder + "/2.png"), before);
  EXPECT_EQ(files_in(folder), 3);
}

TEST_F(ImageCommand, AnOutputThatCannotBeIsRefusedBeforeTheModelIsLoaded) {
  const std::string folder = images(2);
  const std::pair<std::vector<std::string>, const char*> cases[]{
      {{"--output", folder_ / "a.gif"}, "a.gif: images are written as .png, .jpg, .jpeg or .webp"},
      {{"--output", folder_ / "a.BMP"}, "a.BMP: images are written as"},
      {{"--input", folder, "--output", folder_ / "a.png"}, "a.png: one file for 2 images"},
      {{"--count", "3", "--output", folder_ / "a.webp"}, "a.webp: one file for 3 images"},
      {{"--input", folder, "--output", "-"}, "-: one file for 2 images"},
      {{"--output", folder_ / "a.png", "--sheet", folder_ / "a.xyz"},
       "a.xyz: images are written as .png, .jpg, .jpeg or .webp"}};
  for (const auto& [flags, message] : cases) {
    EXPECT_EQ(run_with_model("image", flags), kUsage) << message;
    EXPECT_THAT(said(), HasSubstr(message));
    EXPECT_THAT(said(), Not(HasSubstr("ready in"))) << message;
  }
  folder_.write("file", "x");
  for (const char* output : {"file", "file/deeper/"}) {
    EXPECT_EQ(run_with_model("image", {"--output", folder_ / output}), kFailed);
    EXPECT_THAT(said(),
                HasSubstr("error: " + (folder_ / "file") + ": is a file, expected a folder"));
    EXPECT_THAT(said(), Not(HasSubstr("ready in")));
  }
  EXPECT_FALSE(exists("a.png"));
  ASSERT_EQ(run_with_model("image", {"--output", folder_ / "a.gif/"}), kDone) << said();
  EXPECT_TRUE(exists("a.gif/000000.png"));
  ASSERT_EQ(run_with_model("image", {"--output", folder_ / "v1.5"}), kDone) << said();
  EXPECT_TRUE(exists("v1.5/000000.png"));
}

TEST_F(ImageCommand, NamesFollowTheInputsAndStayApart) {
  const std::string folder = images(1);
  const Image image = media::numbered_image(50, 30, 1);
  std::filesystem::create_directory(folder_ / "other");
  for (const char* name : {"in/cat.jpg", "in/Cat.png", "other/cat.webp"})
    image::write_image(folder_ / name, image);
  ASSERT_EQ(run_with_model("image", {"--input", folder_ / "in/cat.jpg", folder_ / "in/Cat.png",
                                     folder_ / "other", "--output", folder_ / "new"}),
            kDone)
      << said();
  for (const char* name : {"new/cat.png", "new/Cat-2.png", "new/cat-3.png"})
    EXPECT_TRUE(exists(name)) << name;
}

TEST_F(ImageCommand, WithoutAnOutputNothingOlderIsTouched) {
  const std::filesystem::path before = std::filesystem::current_path();
  std::filesystem::current_path(folder_.path());
  const std::string folder = images(1);
  std::filesystem::remove(folder_ / "out");  // what an earlier run printed
  std::filesystem::create_directory(folder_ / "work");
  std::filesystem::current_path(folder_ / "work");
  for (int i = 0; i < 3; ++i)
    EXPECT_EQ(run_with_model("image", {"--input", folder, "--quiet"}), kDone) << said();
  std::filesystem::current_path(before);
  for (const char* name : {"work/out/0.png", "work/out-2/0.png", "work/out-3/0.png"})
    EXPECT_TRUE(exists(name)) << name;
}

TEST_F(ImageCommand, OlderImagesBehindTheNewOnesAreTold) {
  const auto draw = [&](const char* count) {
    return run_with_model("image", {"--count", count, "--output", folder_ / "new", "--quiet"});
  };
  ASSERT_EQ(draw("3"), kDone);
  EXPECT_EQ(said(), "");
  ASSERT_EQ(draw("1"), kDone);
  EXPECT_EQ(said(), "warning: " + (folder_ / "new") + ": further numbered images stay there: 2\n");
}

TEST_F(ImageCommand, FilesOfOthersInAFolderAreNotReplaced) {
  const std::string in = images(1), out = folder_ / "new";
  const auto draw = [&](const std::vector<std::string>& what) {
    std::vector<std::string> flags{"--output", out, "--quiet"};
    flags.insert(flags.end(), what.begin(), what.end());
    return run_with_model("image", flags);
  };
  for (const auto& [name, what] : std::map<std::string, std::vector<std::string>>{
           {"000001.png", {"--count", "2"}},
           {"0.png", {"--input", in}},
           {"images.npy", {"--input", in, "--dump-tensors", out}}}) {
    const auto theirs = folder_.write("new/" + name, "precious");
    EXPECT_EQ(draw(what), kUsage);
    EXPECT_THAT(said(), HasSubstr("new: holds " + name + ", which this program did not write"));
    EXPECT_EQ(bytes_of(theirs), "precious");
    EXPECT_EQ(files_in(out), 1) << name;
    std::filesystem::remove(theirs);
    EXPECT_EQ(draw(what), kDone) << said();
    EXPECT_EQ(draw(what), kDone) << "its own are replaced: " << said();
    std::filesystem::remove_all(out);
  }
}

TEST_F(ImageCommand, StreamsTakeOneImage) {
  for (const char* output : {"-", "/dev/stdout", "/dev/fd/1"}) {
    ASSERT_EQ(run_with_model("image", {"--output", output}), kDone) << said();
    const std::string png = printed();
    EXPECT_EQ(image::decode_image(std::as_bytes(std::span(png)), output).width, 32);
  }
  const std::string folder = images(1), pipe = folder_ / "pipe";
  ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
  const pid_t process = start(with_model("image", {"--output", pipe}));
  const std::string png = bytes_of(pipe);
  EXPECT_EQ(wait(process), kDone) << said();
  EXPECT_EQ(image::decode_image(std::as_bytes(std::span(png)), "pipe").width, 32);
  ASSERT_EQ(
      run(with_model("image", {"--input", "-", "--output", folder_ / "new"}), folder + "/0.png"),
      kDone)
      << said();
  EXPECT_TRUE(exists("new/stdin.png"));
  printed_to_ = "/dev/full";
  EXPECT_EQ(run_with_model("image", {"--output", "-"}), kFailed);
  EXPECT_THAT(said(), HasSubstr("error: standard output: cannot write: No space left on device"));
}

TEST_F(ImageCommand, AskedToEndItKeepsWhatItAccepted) {
  const std::string folder = images(200);
  const pid_t process =
      start(with_model("image", {"--input", folder, "--output", folder_ / "new"}));
  ASSERT_TRUE(wait_until("an image", [&] {
    std::error_code ignored;
    return std::filesystem::exists(folder_ / "new/0.png", ignored);
  }));
  ::kill(process, SIGINT);
  EXPECT_EQ(wait(process), 128 + SIGINT) << said();
  const int written = files_in(folder_ / "new");
  EXPECT_THAT(said(), HasSubstr(std::to_string(written) + " frames"));
  for (int i = 0; i < written; ++i)
    EXPECT_EQ(read("new/" + std::to_string(i) + ".png").width, 32) << i;
}

TEST_F(ImageCommand, AskedToEndWhileTheModelIsReadItEndsAtOnce) {
  const pid_t process = start({"image", "--random-weights", "sd15", "--device", SD_TEST_DEVICE,
                               "--output", folder_ / "a.png"});
  ASSERT_TRUE(wait_until("the session", [&] {
    return bytes_of(folder_ / "err").find("this session needs about") != std::string::npos;
  }));
  ::kill(process, SIGTERM);
  EXPECT_EQ(wait(process), 128 + SIGTERM) << said();
  EXPECT_THAT(said(), Not(HasSubstr("ready in")));
  EXPECT_FALSE(std::filesystem::exists(folder_ / "a.png"));
}

TEST_F(ImageCommand, ANameDoesNotSteerTheTerminal) {
  folder_.write("in/\x1b[2J\xc2\x9b.png", "no image");
  EXPECT_EQ(run_with_model("image", {"--input", folder_ / "in"}), kFailed);
  EXPECT_THAT(said(), HasSubstr(R"(in/\x1b[2J\xc2\x9b.png: is no image)"));
  EXPECT_EQ(run_with_model("image", {"--input", folder_ / "a\u202egpj\n.png"}), kFailed);
  EXPECT_THAT(said(), HasSubstr(R"(a\xe2\x80\xaegpj\x0a.png: no such file)"));
  EXPECT_THAT(said(), Not(HasSubstr("\x1b")));
}

TEST_F(ImageCommand, WhatCannotBeWrittenIsNamed) {
  EXPECT_EQ(run_with_model("image", {"--output", "/proc/a.png"}), kFailed);
  EXPECT_THAT(said(), HasSubstr("error: /proc/a.png: cannot write"));
}

TEST_F(ImageCommand, AFileIsReplacedOnlyByAWholeOne) {
  folder_.write("a/a.png", "the old one");
  largest_file_ = 500;  // an image of noise is longer
  EXPECT_EQ(run_with_model("image", {"--output", folder_ / "a/a.png", "--quiet"}), kFailed);
  EXPECT_THAT(said(), HasSubstr("error: " + (folder_ / "a/a.png") + ": cannot write"));
  EXPECT_EQ(bytes_of(folder_ / "a/a.png"), "the old one");
  EXPECT_EQ(files_in(folder_ / "a"), 1) << "a part was left behind";
  largest_file_ = 0;
  ASSERT_EQ(run_with_model("image", {"--output", folder_ / "a/a.png"}), kDone) << said();
  EXPECT_EQ(read("a/a.png").width, 32);
}

TEST_F(ImageCommand, ATextWithBracketsIsOnePrompt) {
  const auto draw = [&](const std::string& name, const std::vector<std::string>& flags) {
    std::vector<std::string> all{"--output", folder_ / name, "--quiet"};
    all.insert(all.end(), flags.begin(), flags.end());
    EXPECT_EQ(run_with_model("image", all), kDone) << said();
    return bytes_of(folder_ / name);
  };
  const std::string plain = draw("a.png", {"--prompt", "red apple, blue fish"});
  EXPECT_NE(draw("b.png", {"--prompt", "[red apple, blue fish]"}),
            draw("c.png", {"--prompt", "red apple", "blue fish"}));
  EXPECT_EQ(draw("d.png", {"--prompt", "(red apple:1.0), blue fish"}), plain);
  EXPECT_NE(draw("e.png", {"--prompt", "(red apple:1.5), blue fish"}), plain);
  EXPECT_EQ(said(), "");
}

TEST_F(ImageCommand, ASeedOfMinusOneIsDrawnAndPrintedAndGivesTheSameImageAgain) {
  ASSERT_EQ(run_with_model("image", {"--output", folder_ / "a.png", "--seed", "-1", "--quiet"}),
            kDone);
  const std::string line = said();
  ASSERT_THAT(line, StartsWith("seed "));
  const std::string seed = line.substr(5, line.find('\n') - 5);
  const std::string drawn = bytes_of(folder_ / "a.png");
  ASSERT_EQ(run_with_model("image", {"--output", folder_ / "a.png", "--seed", seed, "--quiet"}),
            kDone);
  EXPECT_EQ(bytes_of(folder_ / "a.png"), drawn);
}

TEST_F(ImageCommand, FlagsThatDoNothingAreNamed) {
  const std::tuple<std::vector<std::string>, const char*> cases[]{
      {{"--cfg-type", "none", "--delta", "3"}, "--delta has no effect with --cfg-type none"},
      {{"--cfg-type", "none", "--negative-prompt", "a"}, "--negative-prompt has no effect"},
      {{"--cfg-type", "none", "--guidance-scale", "3"}, "--guidance-scale has no effect"},
      {{"--similar-image-filter-threshold", "0.5"}, "-threshold has no effect on a single image"},
      {{"--lerp"}, "--lerp has no effect with one prompt"},
      {{"--cached-attention"}, "--cached-attention has no effect on a single image"},
      {{"--frame-buffer-size", "2"}, "--frame-buffer-size has no effect on a single image"},
      {{"--count", "2"}, "--count has no effect with --input"},
      {{"--calibration", "a.json"}, "--calibration has no effect without --dtype int8"},
  };
  for (const auto& [flags, warning] : cases) {
    std::vector<std::string> all{"--input", images(1) + "/0.png", "--output", folder_ / "a.png",
                                 "--quiet"};
    all.insert(all.end(), flags.begin(), flags.end());
    EXPECT_EQ(run_with_model("image", all), kDone) << said();
    EXPECT_THAT(said(), HasSubstr(warning));
    EXPECT_EQ(std::ranges::count(said(), '\n'), 1) << said();
  }
}

}  // namespace
}  // namespace streamdiffusion::testing
