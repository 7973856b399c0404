// The rows of the scheduler: which timesteps a stream has, and how a step leads to the next.
#include "params/rows.h"

namespace streamdiffusion::params {
namespace {

/// Stable Diffusion was trained on 1000.
constexpr int kLastTimestep = 999;

}  // namespace

Rows schedule_rows() {
  return {
      {"scheduler",
       "Scheduler",
       "How a step leads to the next: lcm with fresh noise; euler and ddim with the predicted one; "
       "euler_ancestral and tcd with some of both",
       Group::steps,
       Change::live,
       choice<kSchedulers>(SD_REACH(live.options.scheduler), "lcm"),
       {.flag = "--scheduler", .yaml = true, .model_file = true, .server = true}},
      {"eta",
       "Eta",
       "How much of the noise between the steps is fresh (ddim, tcd); tcd starts from 0.3",
       Group::steps,
       Change::live,
       number(SD_REACH(live.options.eta), 0, 1, 0.05, 0),
       {.flag = "--eta", .yaml = true, .model_file = true, .server = true}},
      {"timestep_spacing",
       "Spacing",
       "Where the schedule's timesteps lie; without a choice lcm with lcm and tcd, else trailing",
       Group::steps,
       Change::live,
       choice<kTimestepSpacings>(SD_REACH(live.options.timestep_spacing), "lcm"),
       {.flag = "--timestep-spacing", .yaml = true, .model_file = true, .server = true}},
      {"timesteps",
       "Timesteps",
       "The schedule itself, descending, as 999,749,499,249; t_index_list counts in it, and "
       "without one each is a step",
       Group::steps,
       Change::live,
       IntegerList{member<std::vector<int>>(SD_REACH(live.options.timesteps)), 0, kLastTimestep,
                   kMaxSteps, true, true},
       {.flag = "--timesteps",
        .flag_value = "T,U",
        .yaml = true,
        .model_file = true,
        .server = true}},
      {"prediction_type",
       "Prediction",
       "What the UNet predicts; default: what the model's scheduler says",
       Group::steps,
       Change::session,
       choice<kPredictionTypes>(SD_REACH(live.options.prediction_type), "epsilon"),
       {.flag = "--prediction-type", .yaml = true, .model_file = true}},
  };
}

}  // namespace streamdiffusion::params
