// The arithmetic of diffusers' LCMScheduler, with its precision at every step: f32 where it uses
// f32, double where it uses double.
#include "schedule/lcm_schedule.h"

#include <algorithm>
#include <cmath>
#include <cstdint>

#include "base/error.h"
#include "base/join.h"

namespace streamdiffusion::schedule {
namespace {

using base::ErrorCode;

constexpr int kMaxTimesteps = 100000;
constexpr double kSigmaData = 0.5, kTimestepScaling = 10.0;
/// With a smaller alpha_bar, the division by its square root would lose an f32 latent in rounding.
constexpr float kMinAlphaBar = 1e-8F;

/// Of an index.
constexpr double kStrengthTolerance = 0.01;

/// linspace as torch has it in f32: exact ends, computed from the nearer one.
float linspace(float first, float last, int count, int i) {
  const float step = (last - first) / static_cast<float>(count - 1);
  return i < count / 2 ? first + step * static_cast<float>(i)
                       : last - step * static_cast<float>(count - 1 - i);
}

PredictionType prediction_of(const std::string& name) {
  if (name == "epsilon") return PredictionType::epsilon;
  if (name == "v_prediction") return PredictionType::v;
  base::fail(ErrorCode::unsupported, "\"prediction_type\" is \"", name,
             "\", implemented: epsilon, v_prediction");
}

/// As the flag --t-index-list is written: "18,32".
std::string list_text(std::span<const int> values) {
  return base::joined(values, {}, ",");
}

}  // namespace

LcmSchedule::LcmSchedule(const SchedulerConfig& c)
    : train_steps_(c.num_train_timesteps),
      original_steps_(c.original_inference_steps),
      prediction_(prediction_of(c.prediction_type)) {
  base::require(train_steps_ >= 2 && train_steps_ <= kMaxTimesteps, ErrorCode::invalid_argument,
                "\"num_train_timesteps\" is ", train_steps_, ", expected 2..", kMaxTimesteps);
  base::require(original_steps_ >= 1 && original_steps_ <= train_steps_,
                ErrorCode::invalid_argument, "\"original_inference_steps\" is ", original_steps_,
                ", expected 1..", train_steps_);
  base::require(c.beta_start > 0 && c.beta_end < 1 && c.beta_start <= c.beta_end,
                ErrorCode::invalid_argument, "betas run from ", c.beta_start, " to ", c.beta_end,
                ", expected 0 < start <= end < 1");
  const bool scaled_linear = c.beta_schedule == "scaled_linear";
  base::require(scaled_linear || c.beta_schedule == "linear", ErrorCode::unsupported,
                "\"beta_schedule\" is \"", c.beta_schedule,
                "\", implemented: scaled_linear, linear");
  const auto first = static_cast<float>(scaled_linear ? std::sqrt(c.beta_start) : c.beta_start);
  const auto last = static_cast<float>(scaled_linear ? std::sqrt(c.beta_end) : c.beta_end);
  double cumulative_product = 1.0;
  for (int i = 0; i < train_steps_; ++i) {
    const float value = linspace(first, last, train_steps_, i);
    const float alpha = 1.0F - (scaled_linear ? value * value : value);
    cumulative_product *= static_cast<double>(alpha);
    alpha_bar_.push_back(static_cast<float>(cumulative_product));
  }
  base::require(alpha_bar_.front() < 1.0F && alpha_bar_.back() >= kMinAlphaBar,
                ErrorCode::invalid_argument, "betas from ", c.beta_start, " to ", c.beta_end,
                " in ", train_steps_, " timesteps keep ", alpha_bar_.front(),
                " of the image at the first timestep and ", alpha_bar_.back(),
                " at the last, expected less than 1 and at least ", kMinAlphaBar);
}

float LcmSchedule::alpha_bar(int timestep) const {
  base::require(timestep >= 0 && timestep < train_steps_, ErrorCode::invalid_argument, "timestep ",
                timestep, " is outside 0..", train_steps_ - 1);
  return alpha_bar_[static_cast<std::size_t>(timestep)];
}

std::vector<int> LcmSchedule::timesteps(int num_inference_steps) const {
  base::require(num_inference_steps >= 1 && num_inference_steps <= original_steps_,
                ErrorCode::invalid_argument, "num_inference_steps is ", num_inference_steps,
                ", expected 1..", original_steps_);
  const int spacing = train_steps_ / original_steps_;
  std::vector<int> result;
  for (int i = 0; i < num_inference_steps; ++i) {
    // An index into the original_inference_steps timesteps, which descend from the last one.
    const std::int64_t index = std::int64_t{i} * original_steps_ / num_inference_steps;
    result.push_back((original_steps_ - static_cast<int>(index)) * spacing - 1);
  }
  return result;
}

std::vector<DenoisingStep> LcmSchedule::steps(std::span<const int> t_index_list,
                                              int num_inference_steps) const {
  const std::vector<int> all = timesteps(num_inference_steps);
  base::require(!t_index_list.empty(), ErrorCode::invalid_argument,
                "t_index_list is empty, expected at least one step");
  std::vector<DenoisingStep> result;
  int previous = -1;
  for (const int index : t_index_list) {
    base::require(index >= 0 && index < num_inference_steps, ErrorCode::invalid_argument,
                  "t_index_list ", list_text(t_index_list), ": ", index, " is outside 0..",
                  num_inference_steps - 1, " (num_inference_steps is ", num_inference_steps, ")");
    base::require(index > previous, ErrorCode::invalid_argument, "t_index_list ",
                  list_text(t_index_list), ": ", index, " follows ", previous,
                  ", expected ascending indices");
    previous = index;
    DenoisingStep step;
    step.timestep = all[static_cast<std::size_t>(index)];
    const double alpha = alpha_bar(step.timestep), scaled = kTimestepScaling * step.timestep;
    const double variance = scaled * scaled + kSigmaData * kSigmaData;
    step.a = static_cast<float>(std::sqrt(alpha));
    step.b = static_cast<float>(std::sqrt(1.0 - alpha));
    step.c_skip = static_cast<float>(kSigmaData * kSigmaData / variance);
    step.c_out = static_cast<float>(scaled / std::sqrt(variance));
    result.push_back(step);
  }
  return result;
}

std::vector<int> t_index_list_for(double strength, int count, int num_inference_steps) {
  base::require(strength >= 0 && strength <= 1, ErrorCode::invalid_argument, "strength is ",
                strength, ", expected 0..1");
  // Without the tolerance, a strength that was rounded on its way would start one index early.
  const double first = (num_inference_steps - 1) * (1 - strength) + kStrengthTolerance;
  return t_index_list_from(static_cast<int>(first), count, num_inference_steps);
}

std::vector<int> t_index_list_from(int first, int count, int num_inference_steps) {
  base::require(num_inference_steps >= 1 && num_inference_steps <= kMaxTimesteps,
                ErrorCode::invalid_argument, "num_inference_steps is ", num_inference_steps,
                ", expected 1..", kMaxTimesteps);
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
