// Coefficients are computed in double from alpha_bar in f32, as diffusers' schedulers have it.
#include "schedule/schedule.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <utility>

#include "base/error.h"
#include "base/join.h"

namespace streamdiffusion::schedule {
namespace {

using base::ErrorCode;

constexpr double kSigmaData = 0.5, kTimestepScaling = 10.0;

PredictionType prediction_of(const std::string& name) {
  if (name == "epsilon") return PredictionType::epsilon;
  if (name == "v_prediction") return PredictionType::v;
  if (name == "sample") return PredictionType::sample;
  base::fail(ErrorCode::unsupported, "\"prediction_type\" is \"", name,
             "\", implemented: epsilon, v_prediction, sample");
}

/// As the flag --t-index-list is written: "18,32".
std::string list_text(std::span<const int> values) {
  return base::joined(values, {}, ",");
}

bool is_euler(Scheduler scheduler) {
  return scheduler == Scheduler::euler || scheduler == Scheduler::euler_ancestral;
}

void check_indices(std::span<const int> indices, std::size_t length) {
  base::require(!indices.empty(), ErrorCode::invalid_argument,
                "t_index_list is empty, expected at least one step");
  int previous = -1;
  for (const int index : indices) {
    base::require(index >= 0 && std::cmp_less(index, length), ErrorCode::invalid_argument,
                  "t_index_list ", list_text(indices), ": ", index, " is outside 0..", length - 1,
                  " (num_inference_steps is ", length, ")");
    base::require(index > previous, ErrorCode::invalid_argument, "t_index_list ",
                  list_text(indices), ": ", index, " follows ", previous,
                  ", expected ascending indices");
    previous = index;
  }
}

/// The share of fresh noise of DDIM with eta (Song et al. 2021, arXiv 2010.02502, equation 16),
/// which with eta 1 is that of Euler ancestral.
double ddim_noise(double eta, const NoiseLevel& from, const NoiseLevel& to) {
  const double ratio = from.a / to.a;
  return eta * to.b / from.b * std::sqrt(std::max(0.0, 1.0 - ratio * ratio));
}

}  // namespace

Schedule::Schedule(const SchedulerConfig& config)
    : config_(config), prediction_(prediction_of(config.prediction_type)), levels_(config) {}

std::vector<double> Schedule::grid(const StepOptions& o) const {
  if (o.timesteps.empty()) {
    return timesteps(o.timestep_spacing, o.num_inference_steps, config_, is_euler(o.scheduler));
  }
  const std::vector<int>& list = o.timesteps;
  const int last = levels_.train_steps() - 1;
  base::require(std::ranges::adjacent_find(list, std::less_equal<>()) == list.end(),
                ErrorCode::invalid_argument, "timesteps ", list_text(list),
                ": expected descending timesteps");
  base::require(list.front() <= last && list.back() >= 0, ErrorCode::invalid_argument, "timesteps ",
                list_text(list), ": expected timesteps from 0 to ", last);
  return {list.begin(), list.end()};
}

DenoisingStep Schedule::step_at(double timestep, Scheduler scheduler) const {
  DenoisingStep step;
  step.timestep = static_cast<float>(timestep);
  const NoiseLevel level = levels_.at(double{step.timestep});
  step.a = static_cast<float>(level.a);
  step.b = step.r = static_cast<float>(level.b);
  if (scheduler != Scheduler::lcm) return step;
  const double scaled = kTimestepScaling * timestep;
  const double variance = scaled * scaled + kSigmaData * kSigmaData;
  step.c_skip = static_cast<float>(kSigmaData * kSigmaData / variance);
  step.c_out = static_cast<float>(scaled / std::sqrt(variance));
  return step;
}

void Schedule::connect(const DenoisingStep& from, DenoisingStep& to, const StepOptions& o) const {
  if (o.scheduler == Scheduler::lcm) return;
  const NoiseLevel before = levels_.at(double{from.timestep}),
                   after = levels_.at(double{to.timestep});
  double q = after.b, r = 0;
  if (o.scheduler == Scheduler::tcd) {
    // Trajectory consistency (Zheng et al. 2024, arXiv 2402.19159): down to timestep s, and up
    // again with fresh noise. s in f32, as in diffusers.
    const float share = static_cast<float>(1.0 - double{o.eta});
    const NoiseLevel down = levels_.at(std::floor(share * to.timestep));
    const double up = after.a / down.a;
    q = up * down.b;
    r = std::sqrt(std::max(0.0, 1.0 - up * up));
  } else if (o.scheduler != Scheduler::euler) {
    r = ddim_noise(o.scheduler == Scheduler::ddim ? double{o.eta} : 1.0, before, after);
    q = std::sqrt(std::max(0.0, after.b * after.b - r * r));
  }
  to.q = static_cast<float>(q);
  to.r = static_cast<float>(r);
}

void Schedule::set_output(DenoisingStep& last, Scheduler scheduler) const {
  const bool first_timestep =
      scheduler == Scheduler::tcd || (scheduler == Scheduler::ddim && !config_.set_alpha_to_one);
  if (!first_timestep) return;
  const NoiseLevel level = levels_.at(0);
  last.out_a = static_cast<float>(level.a);
  last.out_b = static_cast<float>(level.b);
}

std::vector<DenoisingStep> Schedule::steps(const StepOptions& o) const {
  base::require(o.eta >= 0 && o.eta <= 1, ErrorCode::invalid_argument, "eta is ", o.eta,
                ", expected 0..1");
  const std::vector<double> all = grid(o);
  check_indices(o.t_index_list, all.size());
  std::vector<DenoisingStep> result;
  for (const int index : o.t_index_list) {
    DenoisingStep step = step_at(all[static_cast<std::size_t>(index)], o.scheduler);
    base::require(
        step.a > 0 || o.prediction != PredictionType::epsilon, ErrorCode::invalid_argument,
        "timestep ", step.timestep,
        " is noise alone (\"rescale_betas_zero_snr\"), and prediction_type epsilon finds no "
        "image in it; expected a later start, v_prediction or sample");
    if (!result.empty()) connect(result.back(), step, o);
    result.push_back(step);
  }
  set_output(result.back(), o.scheduler);
  return result;
}

}  // namespace streamdiffusion::schedule
