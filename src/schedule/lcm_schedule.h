// The LCM schedule (arXiv 2310.04378): the timesteps of a stream's denoising steps and the
// coefficients of each. Checkpoints for one to four steps (LCM, LCM-LoRA, Turbo) differ only in
// their betas, and the original StreamDiffusion reads nothing else of their scheduler configs.
// docs/algorithm.md, section 2.
#pragma once

#include <span>
#include <string>
#include <vector>

namespace streamdiffusion::schedule {

/// What the UNet predicts: the noise, or the velocity v = a noise - b x0.
enum class PredictionType { epsilon, v };

/// The keys of scheduler_config.json that matter; the others of an LCM or Euler config change
/// nothing here.
struct SchedulerConfig {
  /// 2..100000
  int num_train_timesteps = 1000;
  /// 0 < beta_start <= beta_end < 1
  double beta_start = 0.00085, beta_end = 0.012;
  /// "scaled_linear" or "linear"
  std::string beta_schedule = "scaled_linear";
  /// "epsilon" or "v_prediction"
  std::string prediction_type = "epsilon";
  /// 1..num_train_timesteps
  int original_inference_steps = 50;
};

/// One denoising step. The noised latent is x_t = a x0 + b noise; the consistency function is
/// c_out x0 + c_skip x_t (LCM, sigma_data 0.5, timestep scaling 10). a and b are never zero.
struct DenoisingStep {
  int timestep = 0;
  float a = 1, b = 0;
  float c_skip = 0, c_out = 1;
};

class LcmSchedule {
 public:
  /// Throws unsupported for an unknown beta schedule or prediction type. Throws invalid_argument
  /// for numbers outside their range, and for betas that leave no noise at the first timestep or no
  /// image at the last.
  explicit LcmSchedule(const SchedulerConfig& config = {});

  PredictionType prediction() const { return prediction_; }
  /// The cumulative product of 1 - beta (diffusers' alphas_cumprod) at a timestep of
  /// 0..num_train_timesteps - 1. As in diffusers, betas are f32 and the product is double. Throws
  /// invalid_argument.
  float alpha_bar(int timestep) const;
  /// The timesteps of an inference with that many steps (1..original_inference_steps), descending.
  /// Throws invalid_argument.
  std::vector<int> timesteps(int num_inference_steps) const;
  /// The denoising steps at these indices into timesteps(num_inference_steps). There must be at
  /// least one index, and they must ascend. Throws invalid_argument.
  std::vector<DenoisingStep> steps(std::span<const int> t_index_list,
                                   int num_inference_steps) const;

 private:
  int train_steps_, original_steps_;
  PredictionType prediction_;
  std::vector<float> alpha_bar_;
};

/// The t_index_list of `count` steps for a strength of 0..1 (1: pure noise). The first index is
/// floor((num_inference_steps - 1) * (1 - strength) + 0.01), or lower where fewer than `count`
/// steps would follow. The steps divide the rest of the schedule evenly, as LCM divides the whole
/// of it: strength 1 gives the timesteps of `count` inference steps. Throws invalid_argument for a
/// strength outside 0..1, and for a count outside 1..num_inference_steps.
std::vector<int> t_index_list_for(double strength, int count, int num_inference_steps);
/// The same from a first index.
std::vector<int> t_index_list_from(int first, int count, int num_inference_steps);

}  // namespace streamdiffusion::schedule
