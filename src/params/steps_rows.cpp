// Parameters of the steps of a frame.
#include "params/rows.h"

namespace streamdiffusion::params {
namespace {

const Names<bool> kModes{{"img2img", false}, {"txt2img", true}};

}  // namespace

Rows steps_rows() {
  return {
      {"mode",
       "Mode",
       "Images from images, or from a prompt alone",
       Group::steps,
       Change::session,
       choice<kModes>(SD_REACH(live.options.text_to_image)),
       {.server = true}},
      {"strength",
       "Strength",
       "0 follows the input image, 1 the prompt; sets t_index_list for the number of steps",
       Group::steps,
       Change::live,
       number(SD_REACH(strength), 0, 1, 0.01),
       {.flag = "--strength",
        .flag_help = "0 follows the input image, 1 the prompt; for exact steps see --t-index-list",
        .yaml = true,
        .server = true}},
      {"steps",
       "Steps",
       "Denoising steps of an image; more are slower and cleaner",
       Group::steps,
       Change::session,
       integer(SD_REACH(steps), 1, kMaxSteps),
       {.flag = "--steps", .yaml = true, .server = true}},
      {"t_index_list",
       "Indices of the steps",
       "Exact indices in the schedule, ascending; a small first one changes the image much",
       Group::steps,
       Change::session_for_length,
       IntegerList{
           member<std::vector<int>>(SD_REACH(live.options.t_index_list), std::vector<int>{32, 45}),
           0, kMaxSteps - 1, kMaxSteps},
       {.flag = "--t-index-list",
        .flag_value = "I,J",
        .yaml = true,
        .model_file = true,
        .server = true}},
      {"num_inference_steps",
       "Length of the schedule",
       "How many steps the schedule has; t_index_list counts in them",
       Group::steps,
       Change::live,
       integer(SD_REACH(live.options.num_inference_steps), 1, kMaxSteps, 50),
       {.flag = "--num-inference-steps", .yaml = true, .model_file = true, .server = true}},
  };
}

}  // namespace streamdiffusion::params
