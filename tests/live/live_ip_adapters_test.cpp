// IP-Adapters of a running stream: images, scales and layers change beside it, between two frames.
#include <gtest/gtest.h>

#include <filesystem>
#include <thread>

#include "live/support.h"
#include "support/held_encoder.h"
#include "support/tiny_ip_adapter.h"
#include "support/wait.h"

namespace streamdiffusion {
namespace {

using testing::expect_balanced;
using testing::HeldEncoder;
using testing::numbered_frame;
using testing::numbered_image;
using testing::Receiver;
using testing::settled_image;
using testing::small;
using testing::TemporaryFolder;
using testing::TinyModel;
using testing::wait_until;

std::shared_ptr<const Image> style(int number) {
  return std::make_shared<const Image>(numbered_image(number));
}

class LiveIpAdapters : public ::testing::Test {
 protected:
  LiveIpAdapters() {
    testing::write_tiny_image_encoder(folder_, "image_encoder");
    file_ = testing::write_tiny_ip_adapter(
        model_, folder_, "adapter.safetensors",
        testing::tiny_ip_adapter(model_, models::IpAdapterConfig::Projection::plus), 2);
  }
  Engine open(const ImagePrompt& prompt = {}) const {
    return Engine::open({.model = model_.path(),
                         .ip_adapters = {{.file = file_, .image_encoder = {}, .prompt = prompt}},
                         .device = SD_TEST_DEVICE,
                         .dtype = DataType::f32,
                         .threads = 1});
  }
  TinyModel model_;
  TemporaryFolder folder_;
  std::string file_;
  const std::shared_ptr<const Image> first_ = style(1);
};

TEST_F(LiveIpAdapters, ChangeARunningStreamToTheBitsOfAFreshOne) {
  Receiver receiver;
  LiveSettings settings = small();
  LiveSession live(open(), settings, {QueuePolicy::Kind::block, 2}, receiver.callbacks());
  std::size_t count = 0;
  const auto push = [&] {
    live.submit(numbered_frame(3));
    return receiver.wait_for(++count - 1);  // two steps: an image comes with the next frame
  };
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(push());
  const ImagePrompt last_prompt{.scale = 2, .images = {style(2), style(4)}};
  for (const ImagePrompt& wanted : {ImagePrompt{.images = {style(1)}},
                                    ImagePrompt{.scale = 3, .images = {style(1)}}, last_prompt}) {
    settings.options.image_prompts = {wanted};
    live.change(settings);
    ASSERT_TRUE(wait_until("the change", [&] { return !live.reconfiguring(); }));
    for (int i = 0; i < 3; ++i) ASSERT_TRUE(push());
  }
  live.drain();
  EXPECT_TRUE(receiver.errors().empty());
  expect_balanced(live.counters());
  const Image last = *receiver.outputs().back().image;

  const Image expected = settled_image(open(last_prompt).session(small().options));
  EXPECT_EQ(last.rgb, expected.rgb);
  EXPECT_NE(last.rgb, receiver.outputs()[1].image->rgb);
}

/// A stream whose every image comes with the next frame.
class Stream {
 public:
  explicit Stream(const Engine& engine, const LiveSettings& settings)
      : live_(engine, settings, {QueuePolicy::Kind::block, 2}, receiver_.callbacks()) {}
  LiveSession& live() { return live_; }
  const Receiver& receiver() const { return receiver_; }
  /// Once all steps of a frame have run under what holds now.
  Image image() {
    for (int i = 0; i < 3; ++i) {
      live_.submit(numbered_frame(3));
      if (!receiver_.wait_for(count_++)) return {};
    }
    return *receiver_.outputs().back().image;
  }
  bool settle() {
    return wait_until("the change", [&] { return !live_.reconfiguring(); });
  }
  bool shows(const Image& expected) {
    return wait_until("the image", [&] { return image().rgb == expected.rgb; });
  }

 private:
  Receiver receiver_;
  LiveSession live_;
  std::size_t count_ = 0;
};

TEST_F(LiveIpAdapters, AnImageThatIsReadHoldsUpNothingElse) {
  LiveSettings settings = small();
  settings.options.seed = 5;
  settings.options.cfg_type = CfgType::none;  // another session
  const auto styled = [&](const ImagePrompt& prompt) {
    return settled_image(open(prompt).session(settings.options));
  };
  const Image meanwhile = styled({.scale = 3, .images = {style(1)}}),
              wanted = styled({.scale = 3, .images = {style(2)}});
  Stream stream(open({.images = {style(1)}}), small());
  HeldEncoder encoder;
  LiveSettings changed = small();
  changed.options.image_prompts = {{.images = {style(2)}}};
  stream.live().change(changed);
  ASSERT_TRUE(encoder.wait());
  EXPECT_TRUE(stream.live().reading_images());
  settings.options.image_prompts = changed.options.image_prompts;
  settings.options.image_prompts[0].scale = 3;
  EXPECT_EQ(stream.live().change(settings), 2U);
  EXPECT_TRUE(stream.shows(meanwhile)) << "seed, guidance and scale do not wait";
  EXPECT_TRUE(stream.live().reading_images());
  EXPECT_TRUE(stream.live().reconfiguring());
  EXPECT_EQ(stream.live().changes().prepared, 0U) << "a part is not the whole";
  encoder.release();
  ASSERT_TRUE(stream.settle());
  EXPECT_FALSE(stream.live().reading_images());
  EXPECT_TRUE(stream.shows(wanted));
  EXPECT_EQ(stream.live().changes().applied, 2U);
  EXPECT_TRUE(stream.receiver().errors().empty());
}

TEST_F(LiveIpAdapters, ALaterImageReplacesOneThatIsStillRead) {
  const Image wanted = settled_image(open({.images = {style(4)}}).session(small().options));
  Stream stream(open(), small());
  HeldEncoder encoder;
  LiveSettings settings = small();
  for (const int number : {2, 4}) {
    settings.options.image_prompts = {{.images = {style(number)}}};
    stream.live().change(settings);
    ASSERT_TRUE(encoder.wait());
  }
  encoder.release();
  ASSERT_TRUE(stream.settle());
  EXPECT_TRUE(stream.shows(wanted));
  EXPECT_TRUE(stream.receiver().errors().empty());
}

TEST_F(LiveIpAdapters, AnImageThatIsTakenBackWhileItIsReadIsForgotten) {
  const std::shared_ptr<const Image> first = style(1);
  Stream stream(open({.images = {first}}), small());
  const Image before = stream.image();
  HeldEncoder encoder;
  LiveSettings settings = small();
  settings.options.image_prompts = {{.images = {style(2)}}};
  stream.live().change(settings);
  ASSERT_TRUE(encoder.wait());
  settings.options.image_prompts = {{.images = {first}}};
  stream.live().change(settings);
  EXPECT_TRUE(stream.settle()) << "the encoder is still held";
  encoder.release();
  EXPECT_TRUE(stream.shows(before));
  EXPECT_TRUE(stream.receiver().errors().empty());
}

/// With all that was asked for on top of it.
TEST_F(LiveIpAdapters, AnImageThatCannotBeReadIsTakenBack) {
  Stream stream(open(), small());
  const Image before = settled_image(open().session(small().options));
  LiveSettings settings = small();
  settings.options.seed = 5;
  const Image meanwhile = settled_image(open().session(settings.options));
  HeldEncoder encoder;
  settings.options.image_prompts = {{.images = {style(2)}}};
  stream.live().change(settings);
  ASSERT_TRUE(encoder.wait());
  EXPECT_TRUE(stream.shows(meanwhile));
  std::filesystem::resize_file(folder_.path() / "image_encoder/model.safetensors", 8);
  encoder.release();
  ASSERT_TRUE(stream.settle());
  EXPECT_TRUE(stream.shows(before));
  ASSERT_EQ(stream.receiver().errors().size(), 1U);
  EXPECT_EQ(stream.live().changes().current, 0U);
  EXPECT_EQ(stream.live().settings().options.seed, small().options.seed);
  EXPECT_TRUE(stream.live().settings().options.image_prompts[0].images.empty());
}

/// No frame comes between them, so the second one replaces the first before that takes effect.
TEST_F(LiveIpAdapters, AChangeBehindAnotherKeepsWhatThatOnePrepared) {
  Receiver receiver;
  LiveSettings settings = small();
  LiveSession live(open(), settings, {QueuePolicy::Kind::block, 2}, receiver.callbacks());
  live.submit(numbered_frame(3));
  live.submit(numbered_frame(3));
  ASSERT_TRUE(receiver.wait_for(1));
  for (const float scale : {2.0F, 3.0F}) {
    settings.options.image_prompts = {{.scale = scale, .images = {first_}}};
    live.change(settings);
    ASSERT_TRUE(wait_until("the change", [&] { return !live.reconfiguring(); }));
  }
  std::filesystem::resize_file(file_, 8);  // nothing is to be read any more
  std::filesystem::resize_file(folder_.path() / "image_encoder/model.safetensors", 8);
  for (std::size_t i = 0; i < 3; ++i) {
    live.submit(numbered_frame(3));
    ASSERT_TRUE(receiver.wait_for(2 + i));
  }
  live.drain();
  EXPECT_TRUE(receiver.errors().empty());
  expect_balanced(live.counters());
  EXPECT_NE(receiver.outputs().back().image->rgb, receiver.outputs().front().image->rgb);
}

/// The encoder runs beside the stream, so the images follow some frames later.
TEST_F(LiveIpAdapters, TheInputItselfIsTheStyle) {
  Receiver receiver;
  LiveSettings settings = small();
  settings.options.image_prompts = {{.scale = 2, .follow_input = true}};
  LiveSession live(open(), settings, {QueuePolicy::Kind::block, 2}, receiver.callbacks());
  std::size_t count = 0;
  const auto comes = [&](int frame, const Image& expected) {
    return wait_until("the style of the input", [&] {
      live.submit(numbered_frame(frame));
      live.submit(numbered_frame(frame));
      count += 2;
      if (!receiver.wait_for(count - 1)) return true;
      return receiver.outputs().back().image->rgb == expected.rgb;
    });
  };
  const auto styled = [&](int number) {
    return settled_image(open({.scale = 2, .images = {style(number)}}).session(small().options));
  };
  EXPECT_TRUE(comes(3, styled(3)));
  EXPECT_EQ(live.settings().options.image_prompts[0].images.size(), 0U) << "as it was asked for";
  settings.options.image_prompts = {{.scale = 2}};
  live.change(settings);
  EXPECT_TRUE(comes(3, settled_image(open().session(small().options))));
  live.drain();
  EXPECT_TRUE(receiver.errors().empty());
  expect_balanced(live.counters());
  for (const LiveOutput& output : receiver.outputs())
    EXPECT_GT(testing::contrast(*output.image), 1);
}

TEST_F(LiveIpAdapters, AnInputThatIsReadHoldsUpNothing) {
  LiveSettings settings = small();
  settings.options.seed = 5;
  const Image wanted = settled_image(open().session(settings.options));
  HeldEncoder encoder;
  settings.options.image_prompts = {{.follow_input = true}};
  LiveSettings start = settings;
  start.options.seed = small().options.seed;
  Stream stream(open(), start);
  stream.image();
  ASSERT_TRUE(encoder.wait());
  stream.live().change(settings);
  EXPECT_TRUE(stream.settle());
  EXPECT_FALSE(stream.live().reading_images()) << "nobody asked for one";
  EXPECT_TRUE(stream.shows(wanted));
  encoder.release();
}

/// No frame would use them, and a program that ends waits for the encoder otherwise.
TEST_F(LiveIpAdapters, TheEndOfTheStreamStopsTheReading) {
  HeldEncoder encoder;
  Stream stream(open(), small());
  LiveSettings settings = small();
  settings.options.image_prompts = {{.images = {style(2), style(4), style(6)}}};
  stream.live().change(settings);
  ASSERT_TRUE(encoder.wait());
  EXPECT_TRUE(stream.live().reading_images());
  std::thread drain([&] { stream.live().drain(); });
  EXPECT_TRUE(wait_until("the stop", [&] { return !stream.live().reading_images(); }));
  encoder.release();
  drain.join();
  EXPECT_EQ(encoder.begun(), 1) << "of three images and none";
  EXPECT_TRUE(stream.receiver().errors().empty());
}

TEST_F(LiveIpAdapters, OneThatIsSwitchedOffIsAsIfItHadNoImages) {
  Receiver receiver;
  LiveSettings settings = small();
  LiveSession live(open({.scale = 2, .images = {first_}}), settings, {QueuePolicy::Kind::block, 2},
                   receiver.callbacks());
  settings.options.image_prompts = {{.scale = 2, .enabled = false, .images = {first_}}};
  live.change(settings);
  ASSERT_TRUE(wait_until("the change", [&] { return !live.reconfiguring(); }));
  for (std::size_t i = 0; i < 4; ++i) live.submit(numbered_frame(3));
  live.drain();
  EXPECT_EQ(receiver.outputs().back().image->rgb,
            settled_image(open().session(small().options)).rgb);
}

TEST_F(LiveIpAdapters, AChangeThatFailsLeavesTheStreamAsItWas) {
  Receiver receiver;
  LiveSettings settings = small();
  LiveSession live(open({.images = {style(1)}}), settings, {}, receiver.callbacks());
  settings.options.image_prompts = {{}, {}};
  EXPECT_THROW(live.change(settings), Error);
  EXPECT_EQ(live.settings().options.image_prompts.size(), 1U);
  EXPECT_EQ(live.settings().options.image_prompts[0].images.size(), 1U);
}

}  // namespace
}  // namespace streamdiffusion
