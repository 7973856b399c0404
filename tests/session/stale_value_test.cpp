// A UNet's value that depends on both the schedule and the prompt, as SDXL's time embedding does,
// is right on the first frame and after every change.
#include <gtest/gtest.h>

#include <functional>

#include "graph/builder.h"
#include "session/session_impl.h"
#include "session/session_options.h"
#include "support/environment.h"
#include "support/tiny_model.h"

namespace streamdiffusion {
namespace {

using graph::Lifetime;
using graph::Value;

constexpr int kWidth = 24;  // of the tiny model's prompt embeddings

/// prediction = latents + attention(query of the timestep, the prompt's embeddings). Where it is
/// not `ahead`, all of it is computed for each frame: what the other form must equal.
graph::Graph unet_of_both(const models::UNetShape& shape, bool ahead) {
  graph::Builder b(tensor::DType::f32);
  b.set_stage("unet");
  const auto f32 = tensor::DType::f32;
  const Value latents =
      b.input("latents", {{shape.rows, shape.h, shape.w, 4}, f32}, Lifetime::per_frame);
  const Value timesteps = b.input("timesteps", {{shape.rows, 1, 1, 1}, f32},
                                  ahead ? Lifetime::per_schedule : Lifetime::per_frame);
  const Value context = b.input("context", {{shape.prompts, shape.tokens, 1, kWidth}, f32},
                                ahead ? Lifetime::per_prompt : Lifetime::per_frame);
  const Value query = b.timestep_embedding(timesteps, {.width = kWidth});
  const Value both = b.attention(query, context, context, graph::Name("both"),
                                 {.heads = 2, .kv_rows = shape.kv_rows});
  const Value shift = b.upsample_nearest(b.slice_channels(both, 0, 4), shape.h, shape.w);
  b.output("prediction", b.add(latents, shift));
  return b.finish();
}

Image gray_still() {
  return {32, 24, std::vector<std::uint8_t>(std::size_t{32} * 24 * 3, 90)};
}

std::shared_ptr<Engine::Impl> open_engine(bool ahead) {
  static const testing::TinyModel model;
  Engine::Impl::Extras extras;
  extras.build_unet = [ahead](const models::UNetShape& shape) {
    return unet_of_both(shape, ahead);
  };
  const EngineOptions options{.model = model.path(),
                              .device = testing::device_or(SD_TEST_DEVICE),
                              .dtype = DataType::f32,
                              .threads = 2};
  return std::make_shared<Engine::Impl>(options, std::move(extras));
}

class StaleValue : public ::testing::TestWithParam<bool> {
 protected:
  std::unique_ptr<Session::Impl> session(bool ahead) const {
    static const auto ahead_engine = open_engine(true), frame_engine = open_engine(false);
    const auto& engine = ahead ? ahead_engine : frame_engine;
    const SessionOptions options{.width = 32,
                                 .height = 24,
                                 .t_index_list = {10, 30},
                                 .cfg_type = CfgType::full,
                                 .use_denoising_batch = GetParam(),
                                 .parallel = Parallel::ops,
                                 .keep_tensors = true};
    return std::make_unique<Session::Impl>(engine, session::with_defaults(engine->model, options));
  }

  /// Latents of one frame that runs alone.
  static std::vector<float> latents(Session::Impl& session) {
    session.push(gray_still());
    session.flush();
    return session.pop_all().at(0).latents;
  }

  /// Both forms, before and after a change, which must have an effect.
  void expect_equal_across(const std::function<void(Session::Impl&)>& change) const {
    const auto ahead = session(true), expected = session(false);
    const auto before = latents(*ahead);
    EXPECT_EQ(before, latents(*expected)) << "on the first frame";
    change(*ahead);
    change(*expected);
    const auto after = latents(*ahead);
    EXPECT_EQ(after, latents(*expected)) << "after the change";
    EXPECT_NE(after, before);
  }
};

TEST_P(StaleValue, FollowsAChangeOfTheTimesteps) {
  expect_equal_across([](Session::Impl& session) { session.set_t_index_list({2, 48}); });
}

TEST_P(StaleValue, FollowsAChangeOfThePrompt) {
  expect_equal_across([](Session::Impl& session) {
    session.set_prompts({{"green fish", 1.0F}}, Interpolation::linear);
  });
}

INSTANTIATE_TEST_SUITE_P(Mode, StaleValue, ::testing::Values(true, false), [](const auto& mode) {
  return mode.param ? "StreamBatch" : "Sequential";
});

}  // namespace
}  // namespace streamdiffusion
