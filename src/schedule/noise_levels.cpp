// The arithmetic of diffusers' schedulers, with its precision at every step: f32 where they use
// f32, double where they use double.
#include "schedule/noise_levels.h"

#include <cmath>

#include "base/error.h"

namespace streamdiffusion::schedule {
namespace {

using base::ErrorCode;

constexpr int kMaxTimesteps = 100000;
/// With a smaller alpha_bar, the division by its square root would lose an f32 latent in rounding.
constexpr float kMinAlphaBar = 1e-8F;

/// linspace as torch has it in f32: exact ends, computed from the nearer one.
float linspace(float first, float last, int count, int i) {
  const float step = (last - first) / static_cast<float>(count - 1);
  return i < count / 2 ? first + step * static_cast<float>(i)
                       : last - step * static_cast<float>(count - 1 - i);
}

void check_ranges(const SchedulerConfig& c) {
  const int steps = c.num_train_timesteps;
  base::require(steps >= 2 && steps <= kMaxTimesteps, ErrorCode::invalid_argument,
                "\"num_train_timesteps\" is ", steps, ", expected 2..", kMaxTimesteps);
  base::require(c.original_inference_steps >= 1 && c.original_inference_steps <= steps,
                ErrorCode::invalid_argument, "\"original_inference_steps\" is ",
                c.original_inference_steps, ", expected 1..", steps);
  base::require(c.steps_offset >= 0 && c.steps_offset < steps, ErrorCode::invalid_argument,
                "\"steps_offset\" is ", c.steps_offset, ", expected 0..", steps - 1);
  base::require(c.beta_start > 0 && c.beta_end < 1 && c.beta_start <= c.beta_end,
                ErrorCode::invalid_argument, "betas run from ", c.beta_start, " to ", c.beta_end,
                ", expected 0 < start <= end < 1");
}

}  // namespace

NoiseLevels::NoiseLevels(const SchedulerConfig& c) {
  check_ranges(c);
  const int steps = c.num_train_timesteps;
  const bool scaled_linear = c.beta_schedule == "scaled_linear";
  base::require(scaled_linear || c.beta_schedule == "linear", ErrorCode::unsupported,
                "\"beta_schedule\" is \"", c.beta_schedule,
                "\", implemented: scaled_linear, linear");
  const auto first = static_cast<float>(scaled_linear ? std::sqrt(c.beta_start) : c.beta_start);
  const auto last = static_cast<float>(scaled_linear ? std::sqrt(c.beta_end) : c.beta_end);
  double cumulative_product = 1.0;
  for (int i = 0; i < steps; ++i) {
    const float value = linspace(first, last, steps, i);
    const float alpha = 1.0F - (scaled_linear ? value * value : value);
    cumulative_product *= static_cast<double>(alpha);
    alpha_bar_.push_back(static_cast<float>(cumulative_product));
  }
  base::require(alpha_bar_.front() < 1.0F && alpha_bar_.back() >= kMinAlphaBar,
                ErrorCode::invalid_argument, "betas from ", c.beta_start, " to ", c.beta_end,
                " in ", steps, " timesteps keep ", alpha_bar_.front(),
                " of the image at the first timestep and ", alpha_bar_.back(),
                " at the last, expected less than 1 and at least ", kMinAlphaBar);
  if (c.rescale_betas_zero_snr) rescale_to_zero_snr();
}

void NoiseLevels::rescale_to_zero_snr() {
  const double first = std::sqrt(double{alpha_bar_.front()});
  const double last = std::sqrt(double{alpha_bar_.back()});
  for (float& alpha_bar : alpha_bar_) {
    const double a = (std::sqrt(double{alpha_bar}) - last) * first / (first - last);
    alpha_bar = static_cast<float>(a * a);
  }
  alpha_bar_.back() = 0.0F;
}

float NoiseLevels::alpha_bar(int timestep) const {
  base::require(timestep >= 0 && timestep < train_steps(), ErrorCode::invalid_argument, "timestep ",
                timestep, " is outside 0..", train_steps() - 1);
  return alpha_bar_[static_cast<std::size_t>(timestep)];
}

NoiseLevel NoiseLevels::at(double timestep) const {
  const double below = std::floor(timestep), share = timestep - below;
  const double alpha = alpha_bar(static_cast<int>(below));
  if (share == 0) return {std::sqrt(alpha), std::sqrt(1.0 - alpha)};
  const double above = alpha_bar(static_cast<int>(below) + 1);
  const auto sigma_of = [](double alpha_bar) { return std::sqrt((1.0 - alpha_bar) / alpha_bar); };
  const double sigma = (1.0 - share) * sigma_of(alpha) + share * sigma_of(above);
  const double a = above == 0 ? 0.0 : 1.0 / std::sqrt(1.0 + sigma * sigma);
  return {a, above == 0 ? 1.0 : sigma * a};
}

}  // namespace streamdiffusion::schedule
