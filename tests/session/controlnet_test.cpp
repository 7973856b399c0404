// ControlNets on an engine: each frame follows its own control image through all its steps, and
// settings change while a session runs.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/log.h"
#include "streamdiffusion/control.h"
#include "streamdiffusion/engine.h"
#include "support/errors.h"
#include "support/stream_pixels.h"
#include "support/tiny_controlnet.h"

namespace streamdiffusion {
namespace {

using base::ErrorCode;
using testing::append;
using testing::expect_error;
using testing::patterned_image;
using testing::Pixels;
using testing::TemporaryFolder;
using testing::TinyModel;
using testing::worst;

constexpr int kSide = 32;

class ControlNets : public ::testing::Test {
 protected:
  ControlNets() {
    write_net("canny", 1.5F);
    write_net("depth", 1.6F);
  }

  void write_net(const std::string& name, float gain) const {
    testing::write_tiny_controlnet(model_, folder_, name, gain);
  }
  ControlNet net(const char* name, ControlSettings settings = {}) const {
    return {(folder_.path() / name).string(), settings};
  }
  Engine open(const std::vector<ControlNet>& nets) const {
    return Engine::open({.model = model_.path(),
                         .controlnets = nets,
                         .device = SD_TEST_DEVICE,
                         .dtype = DataType::f32,
                         .threads = 1});
  }
  static SessionOptions options(const std::vector<int>& t_index_list, CfgType cfg = CfgType::self) {
    return {.width = kSide,
            .height = kSide,
            .t_index_list = t_index_list,
            .cfg_type = cfg,
            .guidance_scale = 1.4F,
            .keep_tensors = true};
  }
  static Session session(Engine& engine, const SessionOptions& options) {
    Session made = engine.session(options);
    made.set_prompt("red apple");
    return made;
  }

  /// Frames 0 to count - 1, each with images of its own, one a net; the pixels by frame.
  static std::vector<Pixels> run(Session& session, int count, int nets) {
    std::vector<Pixels> out;
    for (int i = 0; i < count; ++i) {
      std::vector<Image> images;
      for (int k = 0; k < nets; ++k) images.push_back(patterned_image(20 + 10 * k + i));
      const std::vector<ImageView> views(images.begin(), images.end());
      append(out, session.process(patterned_image(i), views, static_cast<std::uint64_t>(i)));
    }
    append(out, session.flush());
    return out;
  }

  TinyModel model_;
  TemporaryFolder folder_;
};

/// The oracle: the same frames one after another, all steps of a frame before the next.
TEST_F(ControlNets, EachFrameFollowsItsOwnImageForEveryStepCountAndGuidance) {
  Engine engine = open({net("canny"), net("depth", {.scale = 0.6F, .guess_mode = true})});
  for (const std::vector<int>& list :
       {std::vector<int>{32}, {20, 40}, {10, 25, 40}, {0, 16, 32, 45}}) {
    for (const CfgType cfg : {CfgType::none, CfgType::self, CfgType::initialize, CfgType::full}) {
      SessionOptions o = options(list, cfg);
      Session batch = session(engine, o);
      o.use_denoising_batch = false;
      Session sequential = session(engine, o);
      const auto found = run(batch, 6, 2), expected = run(sequential, 6, 2);
      ASSERT_EQ(found.size(), 6U);
      EXPECT_LE(worst(found, expected), 2e-4)
          << list.size() << " steps, cfg " << static_cast<int>(cfg);
    }
  }
}

/// What row alignment is about: an image changes its own frame and no other.
TEST_F(ControlNets, AnImageChangesItsOwnFrameOnly) {
  Engine engine = open({net("canny", {.scale = 2})});
  const auto images = [&](int changed) {
    Session made = session(engine, options({10, 25, 40}));
    std::vector<Pixels> out;
    for (int i = 0; i < 5; ++i) {
      const Image control = patterned_image(i == changed ? 60 : 20 + i);
      append(out, made.process(patterned_image(i), std::vector<ImageView>{control},
                               static_cast<std::uint64_t>(i)));
    }
    append(out, made.flush());
    return out;
  };
  const auto plain = images(-1), other = images(2);
  ASSERT_EQ(plain.size(), 5U);
  for (std::size_t i = 0; i < 5; ++i) {
    EXPECT_EQ(plain[i] == other[i], i != 2) << "frame " << i;
  }
}

TEST_F(ControlNets, BatchesOfFramesAreAlignedToo) {
  Engine engine = open({net("canny")});
  SessionOptions o = options({20, 40}, CfgType::initialize);
  Session single = session(engine, o);
  o.frame_buffer_size = 3;
  Session batched = session(engine, o);
  EXPECT_LE(worst(run(batched, 7, 1), run(single, 7, 1)), 2e-4);
}

TEST_F(ControlNets, WithoutOneOrSwitchedOffBitsAndProgramsAreTheModelsOwn) {
  Engine plain = open({});
  Engine engine = open({net("canny", {.enabled = false})});
  Session without = session(plain, options({20, 40})), off = session(engine, options({20, 40}));
  EXPECT_EQ(engine.ops(off).size(), plain.ops(without).size());
  const std::vector<Pixels> expected = run(without, 4, 0);
  EXPECT_EQ(run(off, 4, 1), expected);
  Engine zero = open({net("canny", {.scale = 0})});
  Session nothing = session(zero, options({20, 40}));
  EXPECT_EQ(run(nothing, 4, 1), expected);
}

TEST_F(ControlNets, ScalesAndWindowsChangeTheImages) {
  const auto images = [&](const std::vector<ControlNet>& nets) {
    Engine engine = open(nets);
    Session made = session(engine, options({20, 40}));
    return run(made, 4, static_cast<int>(nets.size()));
  };
  const auto plain = images({}), one = images({net("canny")});
  EXPECT_NE(one, plain);
  EXPECT_NE(images({net("canny", {.scale = 0.5F})}), one);
  EXPECT_NE(images({net("canny", {.end = 0.5F})}), one);
  EXPECT_NE(images({net("canny", {.end = 0.5F})}), images({net("canny", {.start = 0.5F})}));
  EXPECT_NE(images({net("canny", {.guess_mode = true})}), one);
  EXPECT_NE(images({net("canny"), net("depth")}), one);
  EXPECT_EQ(images({net("canny", {.end = 0.4F})}), plain);  // no step lies in it
}

TEST_F(ControlNets, SettingsChangeAtAFrameEdgeAndEndAsThoseOfAFreshSession) {
  Engine engine = open({net("canny"), net("depth")});
  Session changing = session(engine, options({10, 25, 40}));
  const std::vector<ControlSettings> both{{}, {}}, first{{}, {.enabled = false}},
      other{{.scale = 0.3F}, {.scale = 1.4F, .start = 0.3F}};
  for (int round = 0; round < 3; ++round) {
    for (const auto& settings : {first, other, both}) {
      changing.set_control_settings(settings);
      changing.process(patterned_image(round));
    }
  }
  changing.flush();
  std::uint64_t id = 100;
  for (const auto& settings : {first, other, both}) {
    changing.set_control_settings(settings);
    SessionOptions o = options({10, 25, 40});
    o.control_settings = settings;
    Session fresh = session(engine, o);
    std::vector<Pixels> expected = run(fresh, 4, 2);
    std::vector<Pixels> found;
    for (int i = 0; i < 4; ++i) {
      const Image a = patterned_image(20 + i), b = patterned_image(30 + i);
      const std::vector<ImageView> views{a, b};
      for (Output& output : changing.process(patterned_image(i), views, id++)) {
        found.push_back(std::move(output.pixels));
      }
    }
    for (Output& output : changing.flush()) found.push_back(std::move(output.pixels));
    EXPECT_EQ(found, expected);
  }
}

TEST_F(ControlNets, ANetThatIsSwitchedOnLeavesFramesInFlightAlone) {
  Engine engine = open({net("canny", {.scale = 2, .enabled = false})});
  Session plain = session(engine, options({10, 25, 40})),
          made = session(engine, options({10, 25, 40}));
  const std::vector<Pixels> expected = run(plain, 2, 1);
  std::vector<Pixels> found;
  append(found, made.process(patterned_image(0), 0));
  append(found, made.process(patterned_image(1), 1));
  made.set_control_settings({{.scale = 2}});
  append(found, made.process(patterned_image(2), 2));
  append(found, made.flush());
  ASSERT_EQ(found.size(), 3U);
  found.pop_back();
  EXPECT_LE(worst(found, expected), 1e-6);
}

TEST_F(ControlNets, FromTextAlone) {
  Engine engine = open({net("canny", {.scale = 2})});
  SessionOptions o = options({0, 25}, CfgType::none);
  o.text_to_image = true;
  const auto first = [&](int number) {
    Session made = session(engine, o);
    const Image control = patterned_image(number);
    made.generate(std::vector<ImageView>{control}, 0);
    return made.flush().at(0).pixels;
  };
  EXPECT_NE(first(1), first(2));
  EXPECT_EQ(first(1), first(1));
}

TEST_F(ControlNets, FromTextAloneANetWithoutAnImageDoesNotActAndThatIsSaidOnce) {
  std::vector<std::string> lines;
  base::set_log_callback([&](base::LogLevel, std::string_view line) { lines.emplace_back(line); });
  const auto last = [&](const std::vector<ControlNet>& nets) {
    Engine engine = open(nets);
    SessionOptions o = options({0, 25}, CfgType::none);
    o.text_to_image = true;
    Session made = session(engine, o);
    lines.clear();
    made.generate();
    made.generate();
    return made.flush().at(0).pixels;
  };
  const Pixels plain = last({});
  EXPECT_THAT(lines, ::testing::IsEmpty());
  const Pixels found = last({net("canny", {.scale = 2})});
  EXPECT_LE(worst({found}, {plain}), 1e-6);
  EXPECT_THAT(lines, ::testing::ElementsAre(::testing::HasSubstr("no control image")));
  base::set_log_callback({});
}

TEST_F(ControlNets, WithoutAnImageItIsMadeOfTheFrame) {
  for (const Preprocessor preprocessor :
       {Preprocessor::passthrough, Preprocessor::canny, Preprocessor::blur}) {
    const ControlImageOptions how{.preprocessor = preprocessor};
    Engine engine = open({net("depth", {.image = how})});
    Session with = session(engine, options({30})), without = session(engine, options({30}));
    const Image frame = patterned_image(1), control = control_image(frame, how);
    const auto expected = with.process(frame, std::vector<ImageView>{control}, 0);
    const auto found = without.process(frame, 0);
    EXPECT_EQ(found.at(0).pixels, expected.at(0).pixels) << static_cast<int>(preprocessor);
  }
}

TEST_F(ControlNets, ThePreprocessorIsThatOfTheNetsNameUnlessOneIsSaid) {
  const ControlImageOptions blur{.preprocessor = Preprocessor::blur};
  Engine engine = open({net("canny"), net("depth"), net("canny", {.image = blur})});
  const auto preprocessors = [](const std::vector<ControlSettings>& settings) {
    std::vector<Preprocessor> all;
    for (const ControlSettings& each : settings) all.push_back(each.image.preprocessor);
    return all;
  };
  const std::vector expected{Preprocessor::canny, Preprocessor::passthrough, Preprocessor::blur};
  EXPECT_EQ(preprocessors(engine.with_defaults({}).control_settings), expected);
  EXPECT_EQ(
      preprocessors(engine.with_defaults({.control_settings = {{}, {}, {}}}).control_settings),
      expected);
}

TEST_F(ControlNets, BadInputIsRefusedByName) {
  expect_error([&] { open({net("absent")}); }, ErrorCode::not_found, {"absent"});
  folder_.write("union/config.json", R"({"_class_name": "ControlNetUnionModel"})");
  expect_error([&] { open({net("union")}); }, ErrorCode::unsupported, {"ControlNetUnionModel"});
  folder_.write("t2i/config.json", R"({"_class_name": "T2IAdapter"})");
  expect_error([&] { open({net("t2i")}); }, ErrorCode::unsupported, {"T2IAdapter"});
  folder_.write("file.safetensors", "x");
  expect_error([&] { open({net("file.safetensors")}); }, ErrorCode::corrupt_file,
               {"file.safetensors"});
  write_net("wide", 1);
  std::string wide = testing::kTinyControlNet;
  folder_.write("wide/config.json", wide.replace(wide.find("24"), 2, "32"));
  expect_error([&] { open({net("wide")}); }, ErrorCode::invalid_argument,
               {"wide", "cross_attention_dim", "32", "24"});
  expect_error([&] { open(std::vector<ControlNet>(9, net("canny"))); }, ErrorCode::invalid_argument,
               {"controlnets", "9", "at most 8"});

  Engine engine = open({net("canny")});
  const auto check = [&](std::vector<ControlSettings> settings) {
    SessionOptions o = options({30});
    o.control_settings = std::move(settings);
    engine.check(o);
  };
  expect_error(
      [&] {
        check({{}, {}});
      },
      ErrorCode::invalid_argument, {"control_settings has 2 entries", "1 ControlNets"});
  expect_error([&] { check({{.scale = -1}}); }, ErrorCode::invalid_argument, {"scale is -1"});
  expect_error([&] { check({{.scale = std::nanf("")}}); }, ErrorCode::invalid_argument,
               {"scale is"});
  expect_error([&] { check({{.start = 0.5F, .end = 0.5F}}); }, ErrorCode::invalid_argument,
               {"start is 0.5"});
  expect_error([&] { check({{.image = {.low_threshold = 201}}}); }, ErrorCode::invalid_argument,
               {"control_settings[0]", "low_threshold is 201", "0 to 200"});
  expect_error([&] { check({{.image = {.sigma = std::nanf("")}}}); }, ErrorCode::invalid_argument,
               {"control_settings[0]", "sigma"});
  Session made = session(engine, options({30}));
  const Image small{8, 8, std::vector<std::uint8_t>(192)}, frame = patterned_image(0);
  expect_error([&] { made.process(frame, std::vector<ImageView>{small}, 0); },
               ErrorCode::invalid_argument, {"control image 0 is 8x8", "32x32"});
  expect_error(
      [&] {
        made.process(frame, std::vector<ImageView>{frame, frame}, 0);
      },
      ErrorCode::invalid_argument, {"2 control images", "1 ControlNets"});
}

TEST_F(ControlNets, MemoryIsSaidBeforehand) {
  Engine plain = open({}), engine = open({net("canny")});
  const MemoryNeed without = plain.memory_need(options({30})),
                   with = engine.memory_need(options({30}));
  EXPECT_GT(with.unet, without.unet);
  SessionOptions o = options({30});
  o.control_settings = {{.enabled = false}};
  EXPECT_EQ(engine.memory_need(o).unet, without.unet);
}

}  // namespace
}  // namespace streamdiffusion
