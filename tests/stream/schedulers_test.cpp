// Every scheduler against diffusers (tools/goldens/stream_schedulers.py), the stream batch against
// sequential denoising, and residual guidance against its definition.
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>

#include "stream/toy_unet.h"
#include "streamdiffusion/names.h"

namespace streamdiffusion::stream {
namespace {

using schedule::DenoisingStep;
using schedule::StepOptions;
using testing::frame;
using testing::kShape;

const nlohmann::json& golden_schedulers() {
  static const nlohmann::json parsed = [] {
    std::ifstream file(std::string(SD_TEST_DATA_DIR) + "/stream/schedulers.json");
    return nlohmann::json::parse(file);
  }();
  return parsed;
}

StepOptions options_of(const nlohmann::json& entry) {
  StepOptions o;
  o.scheduler = choice_of(kSchedulers, entry["scheduler"].get<std::string>()).value();
  o.eta = entry.value("eta", o.scheduler == Scheduler::tcd ? 0.3F : 0.0F);
  if (entry.contains("timestep_spacing")) {
    o.timestep_spacing =
        choice_of(kTimestepSpacings, entry["timestep_spacing"].get<std::string>()).value();
  }
  o.timesteps = entry.value("timesteps", std::vector<int>());
  o.num_inference_steps = entry.value("steps", static_cast<int>(o.timesteps.size()));
  for (int i = 0; i < o.num_inference_steps; ++i) o.t_index_list.push_back(i);
  o.prediction = choice_of(kPredictionTypes, entry.value("prediction_type", "epsilon")).value();
  return o;
}

StreamParameters parameters_of(const nlohmann::json& entry) {
  StreamParameters p = testing::parameters(
      options_of(entry), {.steps_offset = entry.value("steps_offset", 0),
                          .set_alpha_to_one = entry.value("set_alpha_to_one", true),
                          .rescale_betas_zero_snr = entry.value("rescale_betas_zero_snr", false)});
  p.guidance_scale = golden_schedulers()["guidance_scale"];
  p.seeds.seeds = {{golden_schedulers()["seed"], 1.0F}};
  return p;
}

TEST(Schedulers, EqualDiffusers) {
  ASSERT_EQ(golden_schedulers()["cases"].size(), 51U);
  for (const nlohmann::json& entry : golden_schedulers()["cases"]) {
    nlohmann::json what = entry;
    what.erase("latents");
    SCOPED_TRACE(what.dump());
    const StreamParameters p = parameters_of(entry);
    const auto timesteps = entry["expected_timesteps"].get<std::vector<float>>();
    ASSERT_EQ(p.steps.size(), timesteps.size());
    for (std::size_t i = 0; i < timesteps.size(); ++i) {
      EXPECT_FLOAT_EQ(p.steps[i].timestep, timesteps[i]);
    }
    const CfgType cfg = entry.contains("cfg_type") ? CfgType::full : CfgType::none;
    const std::vector<float> expected = entry["latents"];
    EXPECT_LE(testing::relative_error(testing::sequential_outputs(1, cfg, p, 1).at(0), expected),
              1e-4);
    testing::ToyStream stream({static_cast<int>(p.steps.size()), 1, cfg}, p);
    stream.call(0);
    while (stream.batch().waiting()) stream.call_empty();
    EXPECT_LE(testing::relative_error(stream.outputs().at(0), expected), 1e-4);
  }
}

struct Case {
  Scheduler scheduler;
  float eta;
};
constexpr Case kCases[]{
    {Scheduler::lcm, 0},    {Scheduler::euler, 0},   {Scheduler::euler_ancestral, 0},
    {Scheduler::ddim, 0},   {Scheduler::ddim, 0.5F}, {Scheduler::tcd, 0},
    {Scheduler::tcd, 0.3F}, {Scheduler::tcd, 1}};

StepOptions steps_with(const Case& c) {
  return {.scheduler = c.scheduler,
          .eta = c.eta,
          .timestep_spacing = TimestepSpacing::trailing,
          .num_inference_steps = 8,
          .t_index_list = {2, 4, 5, 7}};
}

TEST(StreamBatch, EqualsSequentialForEverySchedulerAndGuidance) {
  for (const Case& c : kCases) {
    for (const CfgType cfg : testing::kCfgTypes) {
      for (const auto& [word, kind] : kPredictionTypes) {
        for (const int frames : {1, 2}) {
          for (const bool noise : {true, false}) {
            SCOPED_TRACE(name_of(kSchedulers, c.scheduler) + " " + name_of(kCfgTypes, cfg) + word);
            StepOptions options = steps_with(c);
            options.prediction = kind;
            StreamParameters p = testing::parameters(options, {.set_alpha_to_one = false});
            p.do_add_noise = noise;
            testing::ToyStream stream({4, frames, cfg}, p);
            for (std::uint64_t id = 0; id < 8; id += static_cast<std::uint64_t>(frames))
              stream.call(id);
            while (stream.batch().waiting()) stream.call_empty();
            const auto expected = testing::sequential_outputs(frames, cfg, p, 8);
            ASSERT_EQ(stream.outputs().size(), expected.size());
            for (const auto& [id, latents] : expected) {
              ASSERT_LE(testing::relative_error(stream.outputs().at(id), latents), 1e-6)
                  << "frame " << id;
            }
          }
        }
      }
    }
  }
}

double toy(double x, double timestep, double prompt) {
  return 0.8 * std::tanh(x) + prompt * std::cos(x + 0.001 * timestep);
}

/// One element of frame 0 under residual guidance, in double and as the paper defines it: the
/// virtual noise is what leads from x to the reference, S_i = (x_i - a_i r) / b_i.
double by_definition(const StreamParameters& p, CfgType cfg, double z,
                     const std::vector<float>& noise, std::size_t element) {
  double x = 0, reference = z, clean = 0, e = 0;
  for (std::size_t i = 0; i < p.steps.size(); ++i) {
    const DenoisingStep& s = p.steps[i];
    const double fresh = noise[i * kShape.size() + element];
    const double added = i == 0 || p.do_add_noise ? fresh : 0.0;
    x = i == 0 ? s.a * z + s.b * fresh : s.a * clean + s.q * e + s.r * added;
    if (i == 0 && cfg == CfgType::initialize) {
      reference = (x - s.b * toy(x, s.timestep, -0.2)) / s.a;
    }
    const double u = p.delta * (x - s.a * reference) / s.b;
    e = u + p.guidance_scale * (toy(x, s.timestep, 0.3) - u);
    clean = s.c_out * (x - s.b * e) / s.a + s.c_skip * x;
  }
  return p.steps.back().out_a * clean + p.steps.back().out_b * e;
}

TEST(ResidualGuidance, FollowsItsDefinitionWithEveryScheduler) {
  for (const Case& c : kCases) {
    for (const CfgType cfg : {CfgType::self, CfgType::initialize}) {
      for (const bool noise : {true, false}) {
        StreamParameters p = testing::parameters(steps_with(c));
        p.do_add_noise = noise;
        const std::vector<float> table = noise_table(p.seeds.seeds[0].seed, 4, kShape),
                                 z = frame(0);
        const auto found = testing::sequential_outputs(1, cfg, p, 1).at(0);
        std::vector<float> expected;
        for (std::size_t i = 0; i < z.size(); ++i) {
          expected.push_back(static_cast<float>(by_definition(p, cfg, z[i], table, i)));
        }
        // The definition leaves c_skip of LCM out, which is below 1e-6 here.
        EXPECT_LE(testing::relative_error(found, expected), 1e-4)
            << name_of(kSchedulers, c.scheduler) << " " << c.eta << " " << name_of(kCfgTypes, cfg);
      }
    }
  }
}

TEST(Schedulers, DifferOnlyInTheNoiseBetweenSteps) {
  const auto of = [](Scheduler scheduler, float eta) {
    return testing::sequential_outputs(1, CfgType::self,
                                       testing::parameters(steps_with({scheduler, eta})), 1)
        .at(0);
  };
  EXPECT_LE(testing::relative_error(of(Scheduler::euler, 0), of(Scheduler::ddim, 0)), 1e-6);
  EXPECT_LE(testing::relative_error(of(Scheduler::euler_ancestral, 0), of(Scheduler::ddim, 1)),
            1e-6);
  EXPECT_GT(testing::relative_error(of(Scheduler::ddim, 0.5F), of(Scheduler::ddim, 0)), 1e-2);
  EXPECT_GT(testing::relative_error(of(Scheduler::lcm, 0), of(Scheduler::ddim, 0)), 1e-2);
  EXPECT_GT(testing::relative_error(of(Scheduler::tcd, 0.3F), of(Scheduler::tcd, 1)), 1e-2);
}

/// Stable Diffusion models with zero terminal SNR start from noise alone.
TEST(ZeroTerminalSnr, OfTheFirstStepGivesFiniteLatents) {
  for (const auto kind : {PredictionType::v, PredictionType::sample}) {
    for (const CfgType cfg : {CfgType::none, CfgType::full}) {
      StepOptions options = steps_with({Scheduler::euler, 0});
      options.prediction = kind;
      options.t_index_list = {0, 4};
      const StreamParameters p = testing::parameters(options, {.rescale_betas_zero_snr = true});
      EXPECT_EQ(p.steps.front().a, 0.0F);
      EXPECT_EQ(p.steps.front().b, 1.0F);
      const std::vector<float> latents = testing::sequential_outputs(1, cfg, p, 1).at(0);
      for (const float value : latents) {
        EXPECT_TRUE(std::isfinite(value));
        EXPECT_LT(std::abs(value), 10.0F);
      }
    }
  }
}

}  // namespace
}  // namespace streamdiffusion::stream
