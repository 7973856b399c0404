// How much image and how much noise a noised latent has at each timestep of the training:
// x_t = a_t x0 + b_t noise, with a_t^2 = alpha_bar_t and b_t^2 = 1 - alpha_bar_t.
// docs/algorithm.md, section 2.
#pragma once

#include <string>
#include <vector>

namespace streamdiffusion::schedule {

/// The keys of scheduler_config.json that matter; the others of a config change nothing here.
struct SchedulerConfig {
  /// 2..100000
  int num_train_timesteps = 1000;
  /// 0 < beta_start <= beta_end < 1
  double beta_start = 0.00085, beta_end = 0.012;
  /// "scaled_linear" or "linear"
  std::string beta_schedule = "scaled_linear";
  /// "epsilon", "v_prediction" or "sample"
  std::string prediction_type = "epsilon";
  /// 1..num_train_timesteps; of the grid of LCM
  int original_inference_steps = 50;
  /// 0..num_train_timesteps - 1; of the grid `leading`
  int steps_offset = 0;
  /// Whether DDIM's last step ends in the clean latents, or at the level of timestep 0.
  bool set_alpha_to_one = true;
  /// Shifts the levels so that the last timestep is noise alone (Lin et al. 2023, arXiv 2305.08891,
  /// algorithm 1).
  bool rescale_betas_zero_snr = false;
};

/// Of one timestep.
struct NoiseLevel {
  double a = 1, b = 0;
};

class NoiseLevels {
 public:
  /// Throws unsupported for an unknown beta schedule. Throws invalid_argument for numbers outside
  /// their range, and for betas that leave no noise at the first timestep or no image at the last.
  explicit NoiseLevels(const SchedulerConfig& config);

  int train_steps() const { return static_cast<int>(alpha_bar_.size()); }
  /// The cumulative product of 1 - beta (diffusers' alphas_cumprod) at a timestep of
  /// 0..train_steps() - 1. As in diffusers, betas are f32 and the product is double. Exactly 0 at
  /// the last timestep with rescale_betas_zero_snr. Throws invalid_argument.
  float alpha_bar(int timestep) const;
  /// Between two timesteps, sigma = b / a runs along a line, as in diffusers' Euler schedulers.
  NoiseLevel at(double timestep) const;

 private:
  void rescale_to_zero_snr();

  std::vector<float> alpha_bar_;
};

}  // namespace streamdiffusion::schedule
