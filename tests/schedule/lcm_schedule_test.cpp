// The LCM schedule against Stable Diffusion's constants and against diffusers' LCMScheduler.
#include "schedule/lcm_schedule.h"

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

TEST(LcmSchedule, HasTheConstantsOfStableDiffusion) {
  const LcmSchedule schedule;
  EXPECT_NEAR(schedule.alpha_bar(0), 0.99915, 1e-6);
  for (const Constants& c : kConstants) {
    const int indices[] = {c.index};
    const DenoisingStep step = schedule.steps(indices, 50).front();
    EXPECT_EQ(step.timestep, c.timestep);
    EXPECT_NEAR(schedule.alpha_bar(c.timestep), c.alpha_bar, 1e-7) << c.timestep;
    EXPECT_NEAR(step.a, c.a, 1e-7) << c.timestep;
    EXPECT_NEAR(step.b, c.b, 1e-7) << c.timestep;
  }
}

TEST(LcmSchedule, AlphaBarEqualsDiffusersToAMillionth) {
  for (const nlohmann::json& entry : golden()["configs"]) {
    const LcmSchedule schedule(config_of(entry));
    for (std::size_t i = 0; i < entry["at"].size(); ++i) {
      const double expected = entry["alpha_bar"][i];
      EXPECT_NEAR(schedule.alpha_bar(entry["at"][i]), expected, expected * 1e-6)
          << entry["at"][i] << " of " << entry["beta_schedule"];
    }
  }
}

TEST(LcmSchedule, TimestepsEqualDiffusersForEveryNumberOfInferenceSteps) {
  for (const nlohmann::json& entry : golden()["configs"]) {
    const LcmSchedule schedule(config_of(entry));
    for (int count = 1; count <= 50; ++count) {
      EXPECT_EQ(schedule.timesteps(count), entry["timesteps"][count - 1].get<std::vector<int>>());
    }
  }
}

TEST(LcmSchedule, BoundaryCoefficientsVanishAwayFromTimestepZero) {
  const int indices[] = {0, 49};
  const std::vector<DenoisingStep> steps = LcmSchedule().steps(indices, 50);
  EXPECT_NEAR(steps[1].c_skip, 6.9252e-6, 1e-9);  // diffusers at t = 19
  EXPECT_NEAR(steps[1].c_out, 1.0 - 3.46e-6, 1e-7);
  EXPECT_LT(steps[0].c_skip, 1e-8);
  EXPECT_EQ(steps[0].c_out, 1.0F);
}

TEST(LcmSchedule, PlacesCountInAShorterListToo) {
  const int indices[] = {0, 1, 3};
  std::vector<int> timesteps;
  for (const DenoisingStep& step : LcmSchedule().steps(indices, 4))
    timesteps.push_back(step.timestep);
  EXPECT_THAT(timesteps, ElementsAre(999, 759, 259));
}

TEST(LcmSchedule, RefusesPlacesOutsideTheListInTheUsersWords) {
  const LcmSchedule schedule;
  const int indices[] = {32, 52};
  EXPECT_EQ(message_of([&] { schedule.steps(indices, 50); }, ErrorCode::invalid_argument),
            "t_index_list 32,52: 52 is outside 0..49 (num_inference_steps is 50)");
  const int negative[] = {-1};
  EXPECT_THAT(message_of([&] { schedule.steps(negative, 50); }, ErrorCode::invalid_argument),
              HasSubstr("-1 is outside 0..49"));
}

TEST(LcmSchedule, RefusesPlacesThatDoNotAscend) {
  const int falling[] = {45, 32}, twice[] = {32, 32};
  const LcmSchedule schedule;
  EXPECT_THAT(message_of([&] { schedule.steps(falling, 50); }, ErrorCode::invalid_argument),
              HasSubstr("45,32: 32 follows 45"));
  EXPECT_THAT(message_of([&] { schedule.steps(twice, 50); }, ErrorCode::invalid_argument),
              HasSubstr("32,32: 32 follows 32"));
  EXPECT_THAT(message_of([&] { schedule.steps({}, 50); }, ErrorCode::invalid_argument),
              HasSubstr("t_index_list is empty"));
}

TEST(LcmSchedule, RefusesMoreInferenceStepsThanTheOriginalScheduleHas) {
  for (const int count : {51, 0, -3, 2147483647}) {
    EXPECT_THAT(message_of([&] { LcmSchedule().timesteps(count); }, ErrorCode::invalid_argument),
                HasSubstr("num_inference_steps is " + std::to_string(count) + ", expected 1..50"));
  }
}

TEST(LcmSchedule, RefusesWhatItDoesNotKnowByName) {
  EXPECT_THAT(message_of([] { LcmSchedule({.beta_schedule = "squaredcos_cap_v2"}); },
                         ErrorCode::unsupported),
              HasSubstr("\"beta_schedule\" is \"squaredcos_cap_v2\""));
  EXPECT_THAT(
      message_of([] { LcmSchedule({.prediction_type = "sample"}); }, ErrorCode::unsupported),
      HasSubstr("\"prediction_type\" is \"sample\""));
}

TEST(LcmSchedule, RefusesNumbersThatLeaveNoNoiseOrNoImage) {
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
  };
  for (const SchedulerConfig& config : hostile) {
    message_of([&] { LcmSchedule schedule(config); }, ErrorCode::invalid_argument);
  }
}

TEST(TIndexListFor, DividesTheScheduleFromTheStrengthsIndexEvenly) {
  EXPECT_THAT(t_index_list_for(0.4, 4, 50), ElementsAre(29, 34, 39, 44));
  EXPECT_THAT(t_index_list_for(1, 2, 50), ElementsAre(0, 25));
  EXPECT_THAT(t_index_list_for(0, 1, 50), ElementsAre(49));
  EXPECT_THAT(t_index_list_for(0.4, 1, 50), ElementsAre(29));
  EXPECT_THAT(t_index_list_for(1, 4, 4), ElementsAre(0, 1, 2, 3));
  EXPECT_THAT(t_index_list_for(0, 2, 50), ElementsAre(48, 49)) << "early enough for two steps";
  EXPECT_THAT(t_index_list_from(18, 2, 50), ElementsAre(18, 34));
}

TEST(TIndexListFor, OfStrengthOneGivesTheTimestepsOfAsManyInferenceSteps) {
  const LcmSchedule schedule;
  for (int count = 1; count <= 50; ++count) {
    std::vector<int> timesteps;
    for (const DenoisingStep& step : schedule.steps(t_index_list_for(1, count, 50), 50)) {
      timesteps.push_back(step.timestep);
    }
    EXPECT_EQ(timesteps, schedule.timesteps(count));
  }
}

TEST(TIndexListFor, GivesPlacesThatTheScheduleTakes) {
  const LcmSchedule schedule;
  for (int percent = 0; percent <= 100; ++percent) {
    for (int count = 1; count <= 8; ++count) {
      EXPECT_NO_THROW(schedule.steps(t_index_list_for(percent / 100.0, count, 50), 50)) << percent;
    }
  }
}

TEST(TIndexListFor, RefusesWhatDoesNotFit) {
  EXPECT_THAT(message_of([] { t_index_list_for(0, 3, 2); }, ErrorCode::invalid_argument),
              HasSubstr("3 steps of 2 inference steps, expected 1..2"));
  for (const double strength : {-0.1, 1.1, std::nan("")}) {
    message_of([&] { t_index_list_for(strength, 1, 50); }, ErrorCode::invalid_argument);
  }
  message_of([] { t_index_list_for(0.5, 0, 50); }, ErrorCode::invalid_argument);
  message_of([] { t_index_list_for(0.5, 1, 0); }, ErrorCode::invalid_argument);
}

}  // namespace
}  // namespace streamdiffusion::schedule
