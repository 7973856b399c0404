// The timesteps that an inference with a number of steps goes through, and which of them a stream
// takes.
// docs/algorithm.md, section 2.
#pragma once

#include <vector>

#include "schedule/noise_levels.h"
#include "streamdiffusion/options.h"

namespace streamdiffusion::schedule {

/// `count` timesteps of num_train_timesteps, descending. With `fractional`, those of `linspace` are
/// not rounded. Throws invalid_argument for a count outside 1..num_train_timesteps, for the grid of
/// LCM 1..original_inference_steps, and where a timestep would lie behind the last.
std::vector<double> timesteps(TimestepSpacing spacing, int count, const SchedulerConfig& config,
                              bool fractional = false);

/// The t_index_list of `count` steps for a strength of 0..1 (1: pure noise). The first index is
/// floor((num_inference_steps - 1) * (1 - strength) + 0.01), or lower where fewer than `count`
/// steps would follow. The steps divide the rest of the schedule evenly, as LCM divides the whole
/// of it: strength 1 gives the timesteps of `count` inference steps. Throws invalid_argument for a
/// strength outside 0..1, and for a count outside 1..num_inference_steps.
std::vector<int> t_index_list_for(double strength, int count, int num_inference_steps);
/// The same from a first index.
std::vector<int> t_index_list_from(int first, int count, int num_inference_steps);

}  // namespace streamdiffusion::schedule
