#include "schedule/scheduler_config.h"

namespace streamdiffusion::schedule {

SchedulerConfig scheduler_config(const json::Json& json) {
  const SchedulerConfig standard;
  SchedulerConfig config;
  config.num_train_timesteps = static_cast<int>(
      json.integer_or("num_train_timesteps", standard.num_train_timesteps, 2, 100000));
  config.beta_start = json.number_or("beta_start", standard.beta_start);
  config.beta_end = json.number_or("beta_end", standard.beta_end);
  config.beta_schedule = json.string_or("beta_schedule", standard.beta_schedule);
  config.prediction_type = json.string_or("prediction_type", standard.prediction_type);
  config.original_inference_steps = static_cast<int>(
      json.integer_or("original_inference_steps", standard.original_inference_steps, 1,
                      config.num_train_timesteps));
  config.steps_offset = static_cast<int>(
      json.integer_or("steps_offset", standard.steps_offset, 0, config.num_train_timesteps - 1));
  config.set_alpha_to_one = json.boolean_or("set_alpha_to_one", standard.set_alpha_to_one);
  config.rescale_betas_zero_snr =
      json.boolean_or("rescale_betas_zero_snr", standard.rescale_betas_zero_snr);
  if (json.boolean_or("thresholding", false)) {
    json.at("thresholding").refuse("false: it is not implemented");
  }
  if (const auto betas = json.find("trained_betas")) betas->refuse("null: it is not implemented");
  return config;
}

}  // namespace streamdiffusion::schedule
