// The denoising steps of a stream: their timesteps and the coefficients of each. Every scheduler is
// one update, x' = a' x0 + q e + r noise with q^2 + r^2 = b'^2, and differs from the others by its
// share r of fresh noise only.
// docs/algorithm.md, sections 2 and 3.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "schedule/noise_levels.h"
#include "schedule/timesteps.h"
#include "streamdiffusion/options.h"

namespace streamdiffusion::schedule {

using streamdiffusion::PredictionType;

/// One denoising step. The noised latent is x_t = a x0 + b noise; the clean prediction is c_out x0
/// + c_skip x_t (LCM's consistency function with sigma_data 0.5 and timestep scaling 10; c_skip 0
/// and c_out 1 in the other schedulers).
struct DenoisingStep {
  /// Whole, except in `linspace` with Euler's schedulers.
  float timestep = 0;
  /// b is never 0. a is 0 only at the last timestep of a zero terminal SNR.
  float a = 1, b = 0;
  float c_skip = 0, c_out = 1;
  /// How a frame enters from the step before: x = a x0 + q e + r noise, where e is the noise
  /// predicted there. q is 0 in the first step.
  float q = 0, r = 0;
  /// What a frame leaves as where this step is the last: out_a x0 + out_b e.
  float out_a = 1, out_b = 0;
};

/// What steps follow from.
struct StepOptions {
  Scheduler scheduler = Scheduler::lcm;
  /// 0..1; of ddim and tcd
  float eta = 0;
  TimestepSpacing timestep_spacing = TimestepSpacing::lcm;
  int num_inference_steps = 50;
  /// Where there are any, they are the grid.
  std::vector<int> timesteps = {};
  /// Indices into the grid.
  std::vector<int> t_index_list = {};
  PredictionType prediction = PredictionType::epsilon;
};

class Schedule {
 public:
  /// Throws as NoiseLevels does, and unsupported for an unknown prediction type.
  explicit Schedule(const SchedulerConfig& config = {});

  /// Of the config.
  PredictionType prediction() const { return prediction_; }
  const NoiseLevels& levels() const { return levels_; }
  /// The timesteps that t_index_list chooses from, descending. Throws invalid_argument for a number
  /// of them that the spacing does not have, and for a list that does not descend within the
  /// training's timesteps.
  std::vector<double> grid(const StepOptions& options) const;
  /// The denoising steps at t_index_list. There must be at least one index, and they must ascend.
  /// Throws invalid_argument, also where a step would have to find an image in noise alone: with
  /// prediction epsilon at the last timestep of a zero terminal SNR.
  std::vector<DenoisingStep> steps(const StepOptions& options) const;

 private:
  DenoisingStep step_at(double timestep, Scheduler scheduler) const;
  /// Sets how `to` is entered from `from`.
  void connect(const DenoisingStep& from, DenoisingStep& to, const StepOptions& options) const;
  void set_output(DenoisingStep& last, Scheduler scheduler) const;

  SchedulerConfig config_;
  PredictionType prediction_;
  NoiseLevels levels_;
};

}  // namespace streamdiffusion::schedule
