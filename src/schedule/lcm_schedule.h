// The LCM schedule: which timesteps the steps of a stream stand at, and the coefficients of each.
// Checkpoints for one to four steps (LCM, LCM-LoRA, Turbo) differ in their betas only; the original
// package reads nothing else of their scheduler configs either.
// docs/algorithm.md, section 2.
#pragma once

#include <span>
#include <string>
#include <vector>

namespace streamdiffusion::schedule {

/// What the UNet's output stands for: the noise, or v = a noise - b x0.
enum class Prediction { epsilon, v };

/// What matters of scheduler_config.json; the rest of an LCM or Euler config changes nothing here.
struct SchedulerConfig {
  /// 2..100000
  int num_train_timesteps = 1000;
  double beta_start = 0.00085, beta_end = 0.012;
  /// or "linear"
  std::string beta_schedule = "scaled_linear";
  /// or "v_prediction"
  std::string prediction_type = "epsilon";
  /// 1..num_train_timesteps
  int original_inference_steps = 50;
};

/// One denoising step: x_t = a x0 + b noise; the consistency function is c_out x0 + c_skip x_t
/// (LCM, boundary 0.5, timestep scaling 10). a and b are never zero.
struct Step {
  int timestep = 0;
  float a = 1, b = 0;
  float c_skip = 0, c_out = 1;
};

class LcmSchedule {
 public:
  /// Throws unsupported for a beta schedule or prediction type it does not know, invalid_argument
  /// for numbers outside their range, and for betas that leave no noise at the first timestep or
  /// no image at the last.
  explicit LcmSchedule(const SchedulerConfig& config = {});

  Prediction prediction() const { return prediction_; }
  /// Cumulative product of 1 - beta at a timestep, 0..num_train_timesteps - 1. As diffusers has it:
  /// betas in f32, the product in double.
  float alpha_bar(int timestep) const;
  /// Descending. num_inference_steps is 1..original_inference_steps, else invalid_argument.
  std::vector<int> timesteps(int num_inference_steps) const;
  /// The steps at these places of timesteps(num_inference_steps): at least one, each inside the
  /// list and after the one before it, else invalid_argument.
  std::vector<Step> steps(std::span<const int> t_index_list, int num_inference_steps) const;

 private:
  int train_steps_, original_steps_;
  Prediction prediction_;
  std::vector<float> alpha_bar_;
};

/// The t_index_list of `count` steps for a strength of 0..1 (1: pure noise). The first index is
/// floor((num_inference_steps - 1) * (1 - strength)), or lower where that leaves no room for `count`
/// steps. The steps divide the rest of the schedule evenly, as LCM divides the whole of it: strength
/// 1 gives the timesteps of `count` inference steps. Throws invalid_argument for a strength outside
/// 0..1, and for a count outside 1..num_inference_steps.
std::vector<int> t_index_list_for(double strength, int count, int num_inference_steps = 50);
/// The same from a first index.
std::vector<int> t_index_list_from(int first, int count, int num_inference_steps = 50);

}  // namespace streamdiffusion::schedule
