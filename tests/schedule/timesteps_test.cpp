// The grids of timesteps, and the t_index_list of a strength.
#include "schedule/timesteps.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>

#include "base/error.h"
#include "schedule/schedule.h"

namespace streamdiffusion::schedule {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

template <typename Call>
std::string refused(Call call) {
  try {
    call();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::invalid_argument);
    return error.what();
  }
  ADD_FAILURE() << "did not throw";
  return {};
}

TEST(Timesteps, OfEachSpacing) {
  const SchedulerConfig config{.steps_offset = 1};
  const auto of = [&](TimestepSpacing spacing, int count) {
    return timesteps(spacing, count, config);
  };
  EXPECT_THAT(of(TimestepSpacing::trailing, 1), ElementsAre(999));
  EXPECT_THAT(of(TimestepSpacing::trailing, 2), ElementsAre(999, 499));
  EXPECT_THAT(of(TimestepSpacing::trailing, 3), ElementsAre(999, 666, 332));
  EXPECT_THAT(of(TimestepSpacing::trailing, 4), ElementsAre(999, 749, 499, 249));
  EXPECT_THAT(of(TimestepSpacing::trailing, 8),
              ElementsAre(999, 874, 749, 624, 499, 374, 249, 124));
  EXPECT_THAT(of(TimestepSpacing::leading, 4), ElementsAre(751, 501, 251, 1));
  EXPECT_THAT(of(TimestepSpacing::linspace, 1), ElementsAre(0));
  EXPECT_THAT(of(TimestepSpacing::linspace, 4), ElementsAre(999, 666, 333, 0));
  EXPECT_THAT(of(TimestepSpacing::lcm, 2), ElementsAre(999, 499));
  EXPECT_THAT(of(TimestepSpacing::lcm, 4), ElementsAre(999, 759, 499, 259));
  EXPECT_THAT(of(TimestepSpacing::lcm, 8), ElementsAre(999, 879, 759, 639, 499, 379, 259, 139));
  EXPECT_EQ(of(TimestepSpacing::trailing, 50), of(TimestepSpacing::lcm, 50));
}

TEST(Timesteps, OfLinspaceMayBeFractions) {
  EXPECT_THAT(timesteps(TimestepSpacing::linspace, 5, {}, true),
              ElementsAre(999, 749.25, 499.5, 249.75, 0));
  EXPECT_THAT(timesteps(TimestepSpacing::linspace, 5, {}), ElementsAre(999, 749, 500, 250, 0));
}

TEST(Timesteps, DescendWithinTheTraining) {
  for (const auto spacing : {TimestepSpacing::lcm, TimestepSpacing::trailing,
                             TimestepSpacing::leading, TimestepSpacing::linspace}) {
    for (const int trained : {50, 130, 1000}) {
      for (int count = 1; count <= 50; ++count) {
        const std::vector<double> all = timesteps(spacing, count, {.num_train_timesteps = trained});
        EXPECT_EQ(std::ranges::adjacent_find(all, std::less_equal<>()), all.end()) << count;
        EXPECT_GE(all.back(), 0);
        EXPECT_LT(all.front(), trained);
      }
    }
  }
}

TEST(Timesteps, RefuseMoreThanThereAre) {
  EXPECT_THAT(refused([] {
                timesteps(TimestepSpacing::trailing, 31,
                          {.num_train_timesteps = 30, .original_inference_steps = 10});
              }),
              HasSubstr("num_inference_steps is 31, expected 1..30"));
  EXPECT_THAT(refused([] {
                timesteps(TimestepSpacing::leading, 50,
                          {.num_train_timesteps = 50, .steps_offset = 1});
              }),
              HasSubstr("starts at timestep 50, expected at most 49"));
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
  const std::vector<double> all = timesteps(TimestepSpacing::lcm, 50, {});
  for (int count = 1; count <= 50; ++count) {
    std::vector<double> chosen;
    for (const int index : t_index_list_for(1, count, 50)) {
      chosen.push_back(all[static_cast<std::size_t>(index)]);
    }
    EXPECT_EQ(chosen, timesteps(TimestepSpacing::lcm, count, {}));
  }
}

TEST(TIndexListFor, GivesPlacesThatTheScheduleTakes) {
  const Schedule schedule;
  for (int percent = 0; percent <= 100; ++percent) {
    for (int count = 1; count <= 8; ++count) {
      EXPECT_NO_THROW(
          schedule.steps({.t_index_list = t_index_list_for(percent / 100.0, count, 50)}))
          << percent;
    }
  }
}

TEST(TIndexListFor, RefusesWhatDoesNotFit) {
  EXPECT_THAT(refused([] { t_index_list_for(0, 3, 2); }),
              HasSubstr("3 steps of 2 inference steps, expected 1..2"));
  for (const double strength : {-0.1, 1.1, std::nan("")}) {
    refused([&] { t_index_list_for(strength, 1, 50); });
  }
  refused([] { t_index_list_for(0.5, 0, 50); });
  refused([] { t_index_list_for(0.5, 1, 0); });
}

}  // namespace
}  // namespace streamdiffusion::schedule
