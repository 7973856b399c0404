// Parameters change at a frame edge: what waits is noised with the constants then in force, and
// nothing jumps.
#include <gtest/gtest.h>

#include <cmath>

#include "base/error.h"
#include "stream/toy_unet.h"

namespace streamdiffusion::stream {
namespace {

using testing::frame;
using testing::kShape;
using testing::parameters;
using testing::ToyStream;

/// One frame taken through its steps by hand, step i under parameters[i].
std::vector<float> by_hand(CfgType cfg, std::uint64_t id,
                           const std::vector<StreamParameters>& at_step) {
  const int steps = static_cast<int>(at_step.size());
  const RowLayout one{1, 1, cfg};
  std::vector<float> x(kShape.size()), stock = x, x0 = frame(id), e = x, gain = x;
  for (int i = 0; i < steps; ++i) {
    const auto at = static_cast<std::size_t>(i);
    const StreamParameters& p = at_step[at];
    const std::vector<float> noise = noise_table(p.seeds.seeds[0].seed, steps, kShape);
    const bool fresh = i == 0 || p.do_add_noise;
    noise_row(p.steps[at], {x0.data(), e.data(), gain.data()},
              fresh ? noise.data() + at * kShape.size() : nullptr, kShape.size(), x.data(),
              stock.data());
    const std::vector<float> timesteps{static_cast<float>(p.steps[at].timestep)};
    const std::vector<float> answer = testing::toy_unet(one, x, timesteps);
    denoise_row(p.steps[at], p.prediction, {cfg, p.guidance_scale, p.delta}, x.data(), stock.data(),
                {answer.data(), nullptr}, kShape.size(), {x0.data(), e.data(), gain.data()});
  }
  finish_row(at_step.back().steps.back(), x0.data(), e.data(), kShape.size(), x0.data());
  return x0;
}

void expect_exact_change(const StreamParameters& before, const StreamParameters& after) {
  const int steps = static_cast<int>(before.steps.size());
  ToyStream stream({steps, 1, CfgType::self}, before);
  constexpr std::uint64_t kEdge = 4, kFrames = 9;
  for (std::uint64_t id = 0; id < kFrames; ++id) {
    if (id == kEdge) stream.batch().set(after);
    stream.call(id);
  }
  for (const auto& [id, latents] : stream.outputs()) {
    std::vector<StreamParameters> at_step;
    for (int i = 0; i < steps; ++i)
      at_step.push_back(id + static_cast<std::uint64_t>(i) < kEdge ? before : after);
    const std::vector<float> expected = by_hand(CfgType::self, id, at_step);
    for (std::size_t e = 0; e < expected.size(); ++e)
      ASSERT_NEAR(latents[e], expected[e], 1e-5) << "frame " << id;
  }
}

TEST(LiveChange, OfTheSeedIsExactAtTheFrameEdge) {
  StreamParameters after = parameters({22, 32, 45});
  after.seeds.seeds = {{99, 1.0F}};
  expect_exact_change(parameters({22, 32, 45}), after);
}

TEST(LiveChange, OfTheTimestepsIsExactAtTheFrameEdge) {
  expect_exact_change(parameters({22, 32, 45}), parameters({5, 12, 20}));
}

TEST(LiveChange, OfTheSchedulerIsExactAtTheFrameEdge) {
  const auto of = [](Scheduler scheduler, float eta) {
    return parameters({.scheduler = scheduler, .eta = eta, .t_index_list = {22, 32, 45}});
  };
  expect_exact_change(of(Scheduler::lcm, 0), of(Scheduler::ddim, 0.4F));
  expect_exact_change(of(Scheduler::euler, 0), of(Scheduler::lcm, 0));
  expect_exact_change(of(Scheduler::tcd, 0.3F), of(Scheduler::tcd, 0.9F));
}

TEST(LiveChange, OfGuidanceDeltaAndNoiseIsExactAtTheFrameEdge) {
  StreamParameters before = parameters({22, 32, 45}), after = before;
  before.guidance_scale = 1.0F;  // the stock noise must be right although nothing used it
  after.guidance_scale = 1.6F;
  after.delta = 1.1F;
  after.do_add_noise = false;
  expect_exact_change(before, after);
}

TEST(LiveChange, OfTheNumberOfStepsIsRefused) {
  ToyStream stream({2, 1, CfgType::none}, parameters({32, 45}));
  EXPECT_THROW(stream.batch().set(parameters({32})), base::Error);
}

}  // namespace
}  // namespace streamdiffusion::stream
