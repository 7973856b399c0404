// The steps of a schedule against Stable Diffusion's constants and against diffusers' LCMScheduler.
// The other schedulers: tests/stream/schedulers_test.cpp.
#include "schedule/schedule.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>

#include "base/error.h"

namespace streamdiffusion::schedule {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

const nlohmann::json& golden() {
  static const nlohmann::json parsed = [] {
    std::ifstream file(std::string(SD_TEST_DATA_DIR) + "/stream/schedule.json");
    return nlohmann::json::parse(file);
  }();
  return parsed;
}

SchedulerConfig config_of(const nlohmann::json& entry) {
  SchedulerConfig config;
  config.num_train_timesteps = entry["num_train_timesteps"];
  config.beta_start = entry["beta_start"];
  config.beta_end = entry["beta_end"];
  config.beta_schedule = entry["beta_schedule"];
  return config;
}

template <typename Call>
std::string message_of(Call call, ErrorCode code) {
  try {
    call();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), code);
    return error.what();
  }
  ADD_FAILURE() << "did not throw";
  return {};
}

std::vector<float> timesteps_of(const std::vector<DenoisingStep>& steps) {
  std::vector<float> timesteps;
  for (const DenoisingStep& step : steps) timesteps.push_back(step.timestep);
  return timesteps;
}

struct Constants {
  int index, timestep;
  double alpha_bar, a, b;
};

// Seven digits, calculated from the formulas of docs/algorithm.md, section 2.
constexpr Constants kConstants[] = {
    {0, 999, 0.0046601, 0.0682649, 0.9976672},  {4, 919, 0.0115835, 0.1076265, 0.9941914},
    {8, 839, 0.0258609, 0.1608132, 0.9869849},  {11, 779, 0.0442004, 0.2102389, 0.9776500},
    {16, 679, 0.0959838, 0.3098126, 0.9507976}, {18, 639, 0.1259104, 0.3548386, 0.9349276},
    {20, 599, 0.1617524, 0.4021845, 0.9155586}, {22, 559, 0.2036723, 0.4513007, 0.8923719},
    {26, 479, 0.3050956, 0.5523546, 0.8336092}, {30, 399, 0.4260861, 0.6527527, 0.7575710},
    {32, 359, 0.4915002, 0.7010707, 0.7130917}, {35, 299, 0.5921829, 0.7695342, 0.6386056},
    {38, 239, 0.6917503, 0.8317153, 0.5552024}, {40, 199, 0.7552381, 0.8690443, 0.4947342},
    {42, 159, 0.8149898, 0.9027679, 0.4301281}, {45, 99, 0.8954625, 0.9462888, 0.3233227},
    {49, 19, 0.9822440, 0.9910822, 0.1332518},
};

TEST(Schedule, HasTheConstantsOfStableDiffusion) {
  const Schedule schedule;
  EXPECT_NEAR(schedule.levels().alpha_bar(0), 0.99915, 1e-6);
  for (const Constants& c : kConstants) {
    const DenoisingStep step = schedule.steps({.t_index_list = {c.index}}).front();
    EXPECT_EQ(step.timestep, c.timestep);
    EXPECT_NEAR(schedule.levels().alpha_bar(c.timestep), c.alpha_bar, 1e-7) << c.timestep;
    EXPECT_NEAR(step.a, c.a, 1e-7) << c.timestep;
    EXPECT_NEAR(step.b, c.b, 1e-7) << c.timestep;
  }
}

TEST(Schedule, AlphaBarEqualsDiffusersToAMillionth) {
  for (const nlohmann::json& entry : golden()["configs"]) {
    const Schedule schedule(config_of(entry));
    for (std::size_t i = 0; i < entry["at"].size(); ++i) {
      const double expected = entry["alpha_bar"][i];
      EXPECT_NEAR(schedule.levels().alpha_bar(entry["at"][i]), expected, expected * 1e-6)
          << entry["at"][i] << " of " << entry["beta_schedule"];
    }
  }
}

TEST(Schedule, TimestepsEqualDiffusersForEveryNumberOfInferenceSteps) {
  for (const nlohmann::json& entry : golden()["configs"]) {
    const Schedule schedule(config_of(entry));
    for (int count = 1; count <= 50; ++count) {
      EXPECT_EQ(schedule.grid({.num_inference_steps = count}),
                entry["timesteps"][count - 1].get<std::vector<double>>());
    }
  }
}

TEST(Schedule, BoundaryCoefficientsVanishAwayFromTimestepZero) {
  const std::vector<DenoisingStep> steps = Schedule().steps({.t_index_list = {0, 49}});
  EXPECT_NEAR(steps[1].c_skip, 6.9252e-6, 1e-9);  // diffusers at t = 19
  EXPECT_NEAR(steps[1].c_out, 1.0 - 3.46e-6, 1e-7);
  EXPECT_LT(steps[0].c_skip, 1e-8);
  EXPECT_EQ(steps[0].c_out, 1.0F);
}

TEST(Schedule, PlacesCountInAShorterListToo) {
  const StepOptions options{.num_inference_steps = 4, .t_index_list = {0, 1, 3}};
  EXPECT_THAT(timesteps_of(Schedule().steps(options)), ElementsAre(999, 759, 259));
}

TEST(Schedule, RefusesPlacesOutsideTheListInTheUsersWords) {
  const Schedule schedule;
  EXPECT_EQ(message_of(
                [&] {
                  schedule.steps({.t_index_list = {32, 52}});
                },
                ErrorCode::invalid_argument),
            "t_index_list 32,52: 52 is outside 0..49 (num_inference_steps is 50)");
  EXPECT_THAT(
      message_of([&] { schedule.steps({.t_index_list = {-1}}); }, ErrorCode::invalid_argument),
      HasSubstr("-1 is outside 0..49"));
}

TEST(Schedule, RefusesIndicesThatDoNotAscend) {
  const auto refused = [](const std::vector<int>& list) {
    return message_of([&] { Schedule().steps({.t_index_list = list}); },
                      ErrorCode::invalid_argument);
  };
  EXPECT_THAT(refused({45, 32}), HasSubstr("45,32: 32 follows 45"));
  EXPECT_THAT(refused({32, 32}), HasSubstr("32,32: 32 follows 32"));
  EXPECT_THAT(refused({}), HasSubstr("t_index_list is empty"));
}

TEST(Schedule, RefusesMoreInferenceStepsThanTheOriginalScheduleHas) {
  for (const int count : {51, 0, -3, 2147483647}) {
    EXPECT_THAT(message_of([&] { Schedule().grid({.num_inference_steps = count}); },
                           ErrorCode::invalid_argument),
                HasSubstr("num_inference_steps is " + std::to_string(count) + ", expected 1..50"));
  }
}

TEST(Schedule, RefusesWhatItDoesNotKnowByName) {
  EXPECT_THAT(
      message_of([] { Schedule({.beta_schedule = "squaredcos_cap_v2"}); }, ErrorCode::unsupported),
      HasSubstr("\"beta_schedule\" is \"squaredcos_cap_v2\""));
  EXPECT_THAT(
      message_of([] { Schedule({.prediction_type = "flow"}); }, ErrorCode::unsupported),
      HasSubstr("\"prediction_type\" is \"flow\", implemented: epsilon, v_prediction, sample"));
}

TEST(Schedule, RefusesNumbersThatLeaveNoNoiseOrNoImage) {
  const double nan = std::nan("");
  const SchedulerConfig hostile[] = {
      {.beta_start = 0},
      {.beta_start = nan},
      {.beta_end = nan},
      {.beta_end = 1},
      {.beta_start = 0.02},
      {.beta_start = 0.5, .beta_end = 0.9},      // nothing of x0 left
      {.beta_start = 1e-12, .beta_end = 1e-11},  // no noise at all
      {.num_train_timesteps = 1},
      {.num_train_timesteps = 2147483647},
      {.original_inference_steps = 0},
      {.num_train_timesteps = 1000, .original_inference_steps = 1001},
      {.steps_offset = -1},
      {.steps_offset = 1000},
  };
  for (const SchedulerConfig& config : hostile) {
    message_of([&] { Schedule schedule(config); }, ErrorCode::invalid_argument);
  }
}

/// From timestep 999 to the next one.
DenoisingStep entered(Scheduler scheduler, float eta, int timestep) {
  return Schedule().steps({.scheduler = scheduler,
                           .eta = eta,
                           .timesteps = {999, timestep},
                           .t_index_list = {0, 1}})[1];
}

TEST(Coefficients, AreThoseCalculatedFromTheFormulas) {  // docs/algorithm.md, section 3
  const auto expect = [](const DenoisingStep& step, double q, double r) {
    EXPECT_NEAR(step.q, q, 1e-5);
    EXPECT_NEAR(step.r, r, 1e-5);
  };
  expect(entered(Scheduler::euler_ancestral, 0, 749), .27127, .93263);
  expect(entered(Scheduler::tcd, 0.3F, 759), .41045, .88278);
  expect(entered(Scheduler::tcd, 1, 759), .00666, .97352);
  expect(entered(Scheduler::tcd, 0, 759), .973544, 0);
  expect(entered(Scheduler::euler, 0, 749), .971276, 0);
}

TEST(Coefficients, KeepTheLevelOfNoise) {
  for (const Scheduler scheduler : {Scheduler::lcm, Scheduler::euler, Scheduler::euler_ancestral,
                                    Scheduler::ddim, Scheduler::tcd}) {
    for (const float eta : {0.0F, 0.25F, 0.5F, 1.0F}) {
      for (int t = 998; t >= 0; t -= 83) {
        const DenoisingStep step = entered(scheduler, eta, t);
        EXPECT_NEAR(std::hypot(step.q, step.r), step.b, 1e-6) << t;
        EXPECT_NEAR(std::hypot(step.a, step.b), 1, 1e-6) << t;
        EXPECT_GE(step.q, 0);
        EXPECT_GE(step.r, 0);
      }
    }
  }
}

TEST(Coefficients, OfTheLastStep) {
  const auto last = [](Scheduler scheduler, bool to_one) {
    return Schedule({.set_alpha_to_one = to_one})
        .steps({.scheduler = scheduler, .t_index_list = {32, 45}})
        .back();
  };
  for (const auto scheduler : {Scheduler::lcm, Scheduler::euler, Scheduler::euler_ancestral}) {
    EXPECT_EQ(last(scheduler, false).out_a, 1.0F);
    EXPECT_EQ(last(scheduler, false).out_b, 0.0F);
  }
  EXPECT_EQ(last(Scheduler::ddim, true).out_b, 0.0F);
  for (const DenoisingStep& step : {last(Scheduler::ddim, false), last(Scheduler::tcd, true)}) {
    EXPECT_NEAR(step.out_a, .999575, 1e-6);
    EXPECT_NEAR(step.out_b, .029155, 1e-6);
  }
}

TEST(Schedule, TakesTimestepsAsTheyAre) {
  const StepOptions all{.timesteps = {999, 749, 499, 249}, .t_index_list = {0, 2, 3}};
  EXPECT_THAT(timesteps_of(Schedule().steps(all)), ElementsAre(999, 499, 249));
  const auto refused = [](const std::vector<int>& list) {
    return message_of([&] { Schedule().steps({.timesteps = list, .t_index_list = {0}}); },
                      ErrorCode::invalid_argument);
  };
  EXPECT_EQ(refused({249, 499}), "timesteps 249,499: expected descending timesteps");
  EXPECT_EQ(refused({499, 499}), "timesteps 499,499: expected descending timesteps");
  EXPECT_EQ(refused({1000, 3}), "timesteps 1000,3: expected timesteps from 0 to 999");
  EXPECT_EQ(refused({3, -1}), "timesteps 3,-1: expected timesteps from 0 to 999");
}

TEST(Schedule, RefusesAnEtaOutsideItsRange) {
  for (const float eta : {-0.1F, 1.1F, std::nanf("")}) {
    message_of([&] { Schedule().steps({.eta = eta, .t_index_list = {0}}); },
               ErrorCode::invalid_argument);
  }
}

TEST(ZeroTerminalSnr, HasTheLevelsOfThePaper) {
  const NoiseLevels levels({.rescale_betas_zero_snr = true});
  EXPECT_EQ(levels.alpha_bar(999), 0.0F);
  EXPECT_NEAR(levels.alpha_bar(998), 1.968e-7, 1e-10);
  EXPECT_NEAR(levels.alpha_bar(499), .24236, 1e-5);
  EXPECT_NEAR(levels.alpha_bar(0), NoiseLevels({}).alpha_bar(0), 1e-7);
}

TEST(ZeroTerminalSnr, NeedsAPredictionThatFindsTheImage) {
  const Schedule schedule({.rescale_betas_zero_snr = true});
  EXPECT_THAT(
      message_of([&] { schedule.steps({.t_index_list = {0}}); }, ErrorCode::invalid_argument),
      HasSubstr("timestep 999 is noise alone"));
  EXPECT_NO_THROW(schedule.steps({.t_index_list = {1}}));
  EXPECT_NO_THROW(schedule.steps({.t_index_list = {0}, .prediction = PredictionType::v}));
}

}  // namespace
}  // namespace streamdiffusion::schedule
