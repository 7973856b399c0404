// ControlNets: which networks, and the settings of each.
#include "params/control.h"
#include "params/members.h"
#include "params/rows.h"
#include "streamdiffusion/names.h"

namespace streamdiffusion::params {
namespace {

/// |dx| + |dy| of Sobel's 3x3 kernels.
constexpr int kLargestGradient = 2040;

Parameter of_net(const char* name, const char* title, const char* help, Type type,
                 std::optional<double> slider_maximum = std::nullopt) {
  return {name,
          title,
          help,
          Group::control,
          Change::live,
          std::move(type),
          {.server = true, .slider_maximum = slider_maximum}};
}

}  // namespace

const Rows& control_parameters() {
  static const Rows rows{
      of_net("conditioning_scale", "Scale", "How strongly the ControlNet acts",
             number(SD_REACH(control.scale), 0, kMaxScale, 0.05), 2),
      of_net("control_guidance_start", "Start",
             "It acts in steps that begin at this share of an image's steps, or later",
             number(SD_REACH(control.start), 0, 1, 0.01)),
      of_net("control_guidance_end", "End",
             "It acts in steps that end at this share of an image's steps, or earlier",
             number(SD_REACH(control.end), 0, 1, 0.01)),
      of_net("guess_mode", "Guess mode", "Nothing is added under the negative prompt",
             boolean(SD_REACH(control.guess_mode))),
      of_net("enabled", "Enabled", "One that is off costs nothing",
             boolean(SD_REACH(control.enabled))),
      of_net("preprocessor", "Preprocessor",
             "What control images show of the frames; auto: what the ControlNet's name says",
             choice<kPreprocessors>(SD_REACH(control.image.preprocessor))),
  };
  return rows;
}

const Rows& preprocessor_parameters() {
  static const Rows rows{
      of_net("low_threshold", "Low threshold", "canny: where an edge may go on",
             integer(SD_REACH(control.image.low_threshold), 0, kLargestGradient)),
      of_net("high_threshold", "High threshold", "canny: what begins an edge",
             integer(SD_REACH(control.image.high_threshold), 0, kLargestGradient)),
      of_net("sigma", "Sigma", "blur: standard deviation in pixels",
             number(SD_REACH(control.image.sigma), 0.1, 64, 0.1)),
      of_net("cell", "Cell", "tile: pixels of a cell's side",
             integer(SD_REACH(control.image.cell), 1, 256)),
      of_net("gamma", "Gamma", "luminance: exponent of the brightness",
             number(SD_REACH(control.image.gamma), 0.1, 10, 0.1)),
  };
  return rows;
}

Rows control_rows() {
  return {
      {"controlnets",
       "ControlNets",
       "ControlNets that images follow: folders, files or names, such as "
       "thibaud/controlnet-sd21-canny-diffusers; MODEL:0.5 for half, MODEL:canny for edges of the "
       "frames",
       Group::engine,
       Change::engine,
       ControlNetList{member<std::vector<ControlNet>>(SD_REACH(engine.controlnets)),
                      kMaxControlNets, kMaxBytes},
       {.flag = "--controlnet", .flag_value = "MODEL[:SCALE][:PREPROCESSOR]", .yaml = true}},
      {"control_settings",
       "ControlNet settings",
       "How each ControlNet acts, in their order; what the list or an object leaves out stays as "
       "it is",
       Group::control,
       Change::live,
       ControlSettingsList{
           member<std::vector<ControlSettings>>(SD_REACH(live.options.control_settings)),
           kMaxControlNets},
       {.server = true}},
  };
}

bool accepts(const ControlSettings& settings) {
  const Settings all{.control = settings};
  return accepts_all(control_parameters(), all) && accepts_all(preprocessor_parameters(), all);
}

std::vector<std::string_view> control_names() {
  std::vector<std::string_view> names = names_of(control_parameters());
  names.emplace_back(kPreprocessorParams);
  return names;
}

}  // namespace streamdiffusion::params
