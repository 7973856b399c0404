// ControlNets of a running stream: their settings change beside it, between two frames.
#include <gtest/gtest.h>

#include "live/support.h"
#include "support/tiny_controlnet.h"
#include "support/wait.h"

namespace streamdiffusion {
namespace {

using testing::expect_balanced;
using testing::numbered_frame;
using testing::numbered_image;
using testing::Receiver;
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

  Session fresh = open(last_settings).session(small().options);
  fresh.set_prompts(small().prompts);
  Image expected;
  for (int i = 0; i < 4; ++i) {
    if (auto out = fresh.process(numbered_image(3))) expected = out->image;
  }
  EXPECT_EQ(last.rgb, expected.rgb);
  EXPECT_NE(last.rgb, receiver.outputs()[1].image->rgb);
}

TEST_F(LiveControlNets, SettingsThatTheEngineDoesNotHaveAreRefused) {
  Receiver receiver;
  LiveSettings settings = small();
  LiveSession live(open({.scale = 0.5F}), settings, {}, receiver.callbacks());
  settings.options.control_settings = {{}, {}};
  EXPECT_THROW(live.change(settings), Error);
  EXPECT_EQ(live.settings().options.control_settings,
            (std::vector<ControlSettings>{{.scale = 0.5F}}));
}

}  // namespace
}  // namespace streamdiffusion
