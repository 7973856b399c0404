// The grids of diffusers' set_timesteps().
#include "schedule/timesteps.h"

#include <algorithm>
#include <cmath>
#include <cstdint>

#include "base/error.h"

namespace streamdiffusion::schedule {
namespace {

using base::ErrorCode;

constexpr int kMaxSteps = 100000;
/// Of an index: without it, a strength that was rounded on its way would start one index early.
constexpr double kStrengthTolerance = 0.01;

/// An index into the original_inference_steps timesteps, which descend from the last one.
double of_lcm(int i, int count, const SchedulerConfig& c) {
  const int original = c.original_inference_steps, spacing = c.num_train_timesteps / original;
  const std::int64_t index = std::int64_t{i} * original / count;
  return (original - static_cast<int>(index)) * spacing - 1;
}

/// Halves are rounded to the even number, as NumPy does.
double trailing(int i, int count, const SchedulerConfig& c) {
  const double all = c.num_train_timesteps;
  return std::nearbyint(all - i * (all / count)) - 1;
}

double leading(int i, int count, const SchedulerConfig& c) {
  return (count - 1 - i) * (c.num_train_timesteps / count) + c.steps_offset;
}

double of_linspace(int i, int count, const SchedulerConfig& c, bool fractional) {
  if (count == 1) return 0;
  const double value = (count - 1 - i) * ((c.num_train_timesteps - 1.0) / (count - 1));
  return fractional ? value : std::nearbyint(value);
}

}  // namespace

std::vector<double> timesteps(TimestepSpacing spacing, int count, const SchedulerConfig& c,
                              bool fractional) {
  const int most =
      spacing == TimestepSpacing::lcm ? c.original_inference_steps : c.num_train_timesteps;
  base::require(count >= 1 && count <= most, ErrorCode::invalid_argument, "num_inference_steps is ",
                count, ", expected 1..", most);
  std::vector<double> result;
  for (int i = 0; i < count; ++i) {
    switch (spacing) {
      case TimestepSpacing::lcm:
        result.push_back(of_lcm(i, count, c));
        break;
      case TimestepSpacing::trailing:
        result.push_back(trailing(i, count, c));
        break;
      case TimestepSpacing::leading:
        result.push_back(leading(i, count, c));
        break;
      case TimestepSpacing::linspace:
        result.push_back(of_linspace(i, count, c, fractional));
        break;
    }
  }
  base::require(result.front() < c.num_train_timesteps, ErrorCode::invalid_argument,
                "timestep_spacing leading with num_inference_steps ", count,
                " and \"steps_offset\" ", c.steps_offset, " starts at timestep ", result.front(),
                ", expected at most ", c.num_train_timesteps - 1);
  return result;
}

std::vector<int> t_index_list_for(double strength, int count, int num_inference_steps) {
  base::require(strength >= 0 && strength <= 1, ErrorCode::invalid_argument, "strength is ",
                strength, ", expected 0..1");
  const double first = (num_inference_steps - 1) * (1 - strength) + kStrengthTolerance;
  return t_index_list_from(static_cast<int>(first), count, num_inference_steps);
}

std::vector<int> t_index_list_from(int first, int count, int num_inference_steps) {
  base::require(num_inference_steps >= 1 && num_inference_steps <= kMaxSteps,
                ErrorCode::invalid_argument, "num_inference_steps is ", num_inference_steps,
                ", expected 1..", kMaxSteps);
  base::require(count >= 1 && count <= num_inference_steps, ErrorCode::invalid_argument, count,
                " steps of ", num_inference_steps, " inference steps, expected 1..",
                num_inference_steps);
  first = std::clamp(first, 0, num_inference_steps - count);
  std::vector<int> indices;
  for (std::int64_t i = 0; i < count; ++i) {
    indices.push_back(first + static_cast<int>(i * (num_inference_steps - first) / count));
  }
  return indices;
}

}  // namespace streamdiffusion::schedule
