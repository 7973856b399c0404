// When a stream with cached attention forgets its earlier frames: with every change that makes what
// was kept of them wrong, and with no other.
#include <gtest/gtest.h>

#include <functional>

#include "session/cached_frames_support.h"
#include "support/tiny_controlnet.h"
#include "support/tiny_ip_adapter.h"
#include "weights/hash_weights.h"
#include "weights/safetensors.h"

namespace streamdiffusion {
namespace {

using namespace testing::cached_frames;
using testing::TemporaryFolder;
using testing::TinyFamily;
using testing::TinyModel;

class ForgottenFrames : public ::testing::Test {
 protected:
  const TinyModel model_;
};

/// A session that saw other frames, and is changed, must go on as a fresh one with that setting.
void expect_forgets(Engine& engine, const SessionOptions& before, const SessionOptions& after,
                    const std::function<void(Session&)>& change) {
  Session session = engine.session(before), fresh = engine.session(after);
  run(session, 3);
  change(session);
  change(fresh);
  EXPECT_EQ(run(session, 3, 10), run(fresh, 3, 10));
}

/// The check itself: without a change, what was kept acts.
TEST_F(ForgottenFrames, WithoutAChangeNothingIsForgotten) {
  Engine engine = open(model_);
  const SessionOptions o = options({20, 40});
  const auto continued = [&](const std::function<void(Session&)>& change) {
    Session session = engine.session(o);
    session.set_prompt("red apple");
    run(session, 3);
    change(session);
    return run(session, 3, 10);
  };
  Session fresh = engine.session(o);
  fresh.set_prompt("red apple");
  const auto expected = continued([](Session&) {});
  EXPECT_NE(run(fresh, 3, 10), expected);
  EXPECT_EQ(continued([](Session& s) { s.set_prompt("red apple"); }), expected)
      << "the same prompt again";
  EXPECT_EQ(continued([](Session& s) { s.set_seed(2); }), expected) << "the same seed again";
  EXPECT_EQ(continued([](Session& s) { s.set_latent_feedback(0); }), expected);
  EXPECT_EQ(continued([](Session& s) { s.set_similar_image_filter(false, 0.5F, 3); }), expected);
}

TEST_F(ForgottenFrames, WithAnotherPrompt) {
  Engine engine = open(model_);
  for (const CfgType cfg : {CfgType::self, CfgType::full}) {
    const SessionOptions o = options({20, 40}, cfg);
    expect_forgets(engine, o, o, [](Session& s) { s.set_prompt("blue house"); });
    expect_forgets(engine, o, o, [](Session& s) {
      s.set_prompts({{"blue house", 1}, {"red apple", 2}}, Interpolation::slerp);
    });
    expect_forgets(engine, o, o, [](Session& s) { s.set_negative_prompt("dark night"); });
  }
}

TEST_F(ForgottenFrames, WithAnotherSeed) {
  Engine engine = open(model_);
  const SessionOptions o = options({20, 40});
  expect_forgets(engine, o, o, [](Session& s) { s.set_seed(77); });
  expect_forgets(engine, o, o, [](Session& s) { s.set_seeds({{2, 1}, {77, 1}}); });
}

TEST_F(ForgottenFrames, WithOtherTimesteps) {
  Engine engine = open(model_);
  SessionOptions before = options({20, 40}), after = before;
  after.t_index_list = {18, 36};
  expect_forgets(engine, before, after, [](Session& s) { s.set_t_index_list({18, 36}); });
  after = before;
  after.scheduler = Scheduler::ddim;
  expect_forgets(engine, before, after, [&](Session& s) { s.set_schedule(after); });
}

TEST_F(ForgottenFrames, WithOtherControlNets) {
  const TemporaryFolder folder;
  const std::string net = testing::write_tiny_controlnet(model_, folder, "canny", 1.5F);
  Engine engine = open(model_, {.controlnets = {{net, {}}}});
  const SessionOptions before = options({20, 40});
  for (const ControlSettings& settings :
       {ControlSettings{.scale = 0.5F}, ControlSettings{.enabled = false}}) {
    SessionOptions after = before;
    after.control_settings = {settings};
    expect_forgets(engine, before, after, [&](Session& s) { s.set_control_settings({settings}); });
  }
}

TEST_F(ForgottenFrames, WithOtherImagePrompts) {
  const TemporaryFolder folder;
  testing::write_tiny_image_encoder(folder, "image_encoder");
  const std::string file = testing::write_tiny_ip_adapter(
      model_, folder, "plain.safetensors",
      testing::tiny_ip_adapter(model_, models::IpAdapterConfig::Projection::plain), 1.5F);
  Engine engine =
      open(model_, {.ip_adapters = {{.file = file, .image_encoder = {}, .prompt = {}}}});
  SessionOptions before = options({20, 40});
  const auto style = std::make_shared<const Image>(patterned_image(5));
  const auto other = std::make_shared<const Image>(patterned_image(6));
  before.image_prompts = {{.images = {style}}};
  for (const ImagePrompt& prompt :
       {ImagePrompt{.scale = 0.5F, .images = {style}}, ImagePrompt{.images = {other}},
        ImagePrompt{.images = {style, other}}, ImagePrompt{}}) {
    SessionOptions after = before;
    after.image_prompts = {prompt};
    expect_forgets(engine, before, after, [&](Session& s) { s.set_image_prompts({prompt}); });
  }
}

TEST_F(ForgottenFrames, WithOtherLoraScales) {
  const TemporaryFolder folder;
  std::vector<weights::TensorToWrite> tensors;
  for (const auto& [name, dims] :
       {std::pair("lora_unet_conv_in.lora_down.weight", std::vector<std::int64_t>{4, 4, 3, 3}),
        {"lora_unet_conv_in.lora_up.weight", {16, 4}}}) {
    std::size_t count = 1;
    for (const std::int64_t dim : dims) count *= static_cast<std::size_t>(dim);
    tensors.push_back({name, dims, std::vector<float>(count)});
    weights::HashWeights().read_f32(name, dims, tensors.back().values);
  }
  weights::write_safetensors(folder.path() / "style.safetensors", tensors);
  Engine engine = open(model_, {.lora_dict = {{folder / "style.safetensors", 1}}});
  SessionOptions before = options({20, 40}), after = before;
  after.lora_scales = {0.3F};
  expect_forgets(engine, before, after, [](Session& s) { s.set_lora_scales({0.3F}); });
}

TEST(ForgottenFramesOfLcm, WithAnotherGuidanceThatTheUNetReads) {
  const TinyModel model(TinyFamily::lcm);
  Engine engine = open(model);
  const SessionOptions before = options({20, 40}, CfgType::none);
  SessionOptions after = before;
  after.guidance_scale = 6;
  expect_forgets(engine, before, after, [](Session& s) { s.set_guidance_scale(6); });
}

}  // namespace
}  // namespace streamdiffusion
