// ControlNets of a running stream: their settings change beside it, between two frames.
#include <gtest/gtest.h>

#include "live/support.h"
#include "streamdiffusion/control.h"
#include "support/stream_pixels.h"
#include "support/tiny_controlnet.h"
#include "support/wait.h"

namespace streamdiffusion {
namespace {

using testing::append;
using testing::expect_balanced;
using testing::numbered_frame;
using testing::numbered_image;
using testing::Receiver;
using testing::settled_image;
using testing::small;
using testing::TemporaryFolder;
using testing::TinyModel;
using testing::wait_until;

class LiveControlNets : public ::testing::Test {
 protected:
  Engine open(const ControlSettings& settings) const {
    return Engine::open({.model = model_.path(),
                         .controlnets = {{net_, settings}},
                         .device = SD_TEST_DEVICE,
                         .dtype = DataType::f32,
                         .threads = 1});
  }
  TinyModel model_;
  TemporaryFolder folder_;
  const std::string net_ = testing::write_tiny_controlnet(model_, folder_, "net", 1.5F);
};

TEST_F(LiveControlNets, ChangeARunningStreamToTheBitsOfAFreshOne) {
  Receiver receiver;
  LiveSettings settings = small();
  LiveSession live(open({}), settings, {QueuePolicy::Kind::block, 2}, receiver.callbacks());
  std::size_t count = 0;
  const auto push = [&] {
    live.submit(numbered_frame(3));
    return receiver.wait_for(++count - 1);  // two steps: an image comes with the next frame
  };
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(push());
  const ControlSettings last_settings{.scale = 2, .end = 0.5F};
  for (const ControlSettings& wanted :
       {ControlSettings{.enabled = false}, ControlSettings{.scale = 3}, last_settings}) {
    settings.options.control_settings = {wanted};
    live.change(settings);
    ASSERT_TRUE(wait_until("the change", [&] { return !live.reconfiguring(); }));
    for (int i = 0; i < 3; ++i) ASSERT_TRUE(push());
  }
  live.drain();
  EXPECT_TRUE(receiver.errors().empty());
  expect_balanced(live.counters());
  const Image last = *receiver.outputs().back().image;

  const Image expected = settled_image(open(last_settings).session(small().options));
  EXPECT_EQ(last.rgb, expected.rgb);
  EXPECT_NE(last.rgb, receiver.outputs()[1].image->rgb);
}

/// A frame with edges, unlike numbered_image().
Image boxes(int number) {
  Image image{32, 24, std::vector<std::uint8_t>(32 * 24 * 3, 20)};
  for (int y = 4; y < 20; ++y) {
    for (int x = 6 + number; x < 20 + number; ++x) {
      for (int c = 0; c < 3; ++c) image.rgb[static_cast<std::size_t>((y * 32 + x) * 3 + c)] = 230;
    }
  }
  return image;
}

/// What a session makes of the frames whose control images are made by hand.
std::vector<Image> by_hand(Engine engine, const LiveSettings& settings, int frames) {
  Session session = engine.session(settings.options);
  session.set_prompts(settings.prompts);
  const auto nets = engine.with_defaults(settings.options).control_settings;
  std::vector<Image> out;
  for (int i = 0; i < frames; ++i) {
    const Image frame = boxes(i);
    std::vector<Image> images;
    for (const ControlSettings& net : nets) images.push_back(control_image(frame, net.image));
    const std::vector<ImageView> views(images.begin(), images.end());
    const auto id = static_cast<std::uint64_t>(i);
    append(out, settings.options.text_to_image ? session.generate(views, id)
                                               : session.process(frame, views, id));
  }
  append(out, session.flush());
  return out;
}

void expect_like_by_hand(const Engine& engine, const LiveSettings& settings) {
  constexpr int kFrames = 6;
  Receiver receiver;
  LiveSession live(engine, settings, {QueuePolicy::Kind::block, 2}, receiver.callbacks());
  for (int i = 0; i < kFrames; ++i) live.submit({.image = [i] { return boxes(i); }});
  live.drain();
  EXPECT_TRUE(receiver.errors().empty());
  const std::vector<Image> expected = by_hand(engine, settings, kFrames);
  const auto found = receiver.outputs();
  ASSERT_EQ(found.size(), expected.size());
  for (std::size_t i = 0; i < found.size(); ++i)
    EXPECT_EQ(found[i].image->rgb, expected[i].rgb) << "frame " << i;
}

TEST_F(LiveControlNets, ImagesAreThoseOfASessionWithControlImagesMadeByHand) {
  for (const Preprocessor preprocessor : {Preprocessor::passthrough, Preprocessor::canny,
                                          Preprocessor::lineart, Preprocessor::color}) {
    SCOPED_TRACE(static_cast<int>(preprocessor));
    const Engine engine = open({.image = {.preprocessor = preprocessor}});
    LiveSettings settings = small();
    expect_like_by_hand(engine, settings);
    settings.options.text_to_image = true;
    settings.options.cfg_type = CfgType::none;
    expect_like_by_hand(engine, settings);
  }
}

TEST_F(LiveControlNets, ControlImagesMayComeFromAnotherSourceThanTheFrames) {
  for (const Preprocessor preprocessor : {Preprocessor::passthrough, Preprocessor::canny}) {
    const ControlImageOptions how{.preprocessor = preprocessor};
    const Engine engine = open({.scale = 2, .image = how});
    Receiver receiver;
    LiveSession live(engine, small(), {QueuePolicy::Kind::block, 2}, receiver.callbacks());
    for (int i = 0; i < 3; ++i) {
      live.submit(
          {.image = [i] { return numbered_image(i); }, .control_source = [i] { return boxes(i); }});
    }
    live.drain();
    EXPECT_TRUE(receiver.errors().empty());
    ASSERT_TRUE(live.control_image(0));
    EXPECT_EQ(live.control_image(0)->rgb, control_image(boxes(2), how).rgb);

    Session session = Engine(engine).session(small().options);
    session.set_prompts(small().prompts);
    std::vector<Image> expected;
    for (int i = 0; i < 3; ++i) {
      const Image control = control_image(boxes(i), how);
      append(expected, session.process(numbered_image(i), std::vector<ImageView>{control},
                                       static_cast<std::uint64_t>(i)));
    }
    append(expected, session.flush());
    const auto found = receiver.outputs();
    ASSERT_EQ(found.size(), 3U);
    for (std::size_t i = 0; i < 3; ++i) EXPECT_EQ(found[i].image->rgb, expected[i].rgb) << i;
  }
}

TEST_F(LiveControlNets, AChangeOfThePreprocessorHoldsFromTheNextFrameOn) {
  const auto how = [](Preprocessor preprocessor) {
    return ControlSettings{.scale = 2, .image = {.preprocessor = preprocessor}};
  };
  Receiver receiver;
  LiveSettings settings = small();
  settings.options.t_index_list = {20};
  LiveSession live(open(how(Preprocessor::canny)), settings, {QueuePolicy::Kind::block, 2},
                   receiver.callbacks());
  const auto push = [&](std::size_t count) {
    live.submit({.image = [] { return boxes(2); }});
    return receiver.wait_for(count);
  };
  ASSERT_TRUE(push(1));
  const auto seen = live.control_image(0);
  ASSERT_TRUE(seen);
  EXPECT_EQ(seen->rgb, control_image(boxes(2), how(Preprocessor::canny).image).rgb);
  EXPECT_FALSE(live.control_image(1));
  settings.options.control_settings = {how(Preprocessor::soft_edge)};
  live.change(settings);
  ASSERT_TRUE(wait_until("the change", [&] { return !live.reconfiguring(); }));
  ASSERT_TRUE(push(2));
  EXPECT_EQ(live.control_image(0)->rgb,
            control_image(boxes(2), how(Preprocessor::soft_edge).image).rgb);
  settings.options.control_settings = {how(Preprocessor::passthrough)};
  live.change(settings);
  ASSERT_TRUE(wait_until("the change", [&] { return !live.reconfiguring(); }));
  ASSERT_TRUE(push(3));
  EXPECT_FALSE(live.control_image(0)) << "the frame itself";
  live.drain();
  const auto found = receiver.outputs();
  for (const auto& [index, preprocessor] : {std::pair(0, Preprocessor::canny),
                                            {1, Preprocessor::soft_edge},
                                            {2, Preprocessor::passthrough}}) {
    LiveSettings each = small();
    each.options.t_index_list = {20};
    Session session = open(how(preprocessor)).session(each.options);
    session.set_prompts(each.prompts);
    std::optional<Output> out;
    for (int i = 0; i <= index; ++i) out = session.process(boxes(2));
    EXPECT_EQ(found[static_cast<std::size_t>(index)].image->rgb, out->image.rgb) << index;
  }
}

TEST_F(LiveControlNets, SettingsThatTheEngineDoesNotHaveAreRefused) {
  Receiver receiver;
  LiveSettings settings = small();
  LiveSession live(open({.scale = 0.5F}), settings, {}, receiver.callbacks());
  settings.options.control_settings = {{}, {}};
  EXPECT_THROW(live.change(settings), Error);
  const ControlImageOptions itself{.preprocessor = Preprocessor::passthrough};
  EXPECT_EQ(live.settings().options.control_settings,
            (std::vector<ControlSettings>{{.scale = 0.5F, .image = itself}}));
}

}  // namespace
}  // namespace streamdiffusion
