#include "parameter_flags.h"

#include "base/error.h"
#include "params/check.h"

namespace streamdiffusion::app {

void ParameterFlags::add_engine(Flags& flags) {
  flags.group(params::to_string(params::Group::engine));
  for (const params::Parameter& row : params::parameters()) {
    if (row.group == params::Group::engine) flags.parameter(row, settings);
  }
}

void ParameterFlags::add_stream(Flags& flags, bool reads_images) {
  add_prompts(flags);
  const std::string_view fit = "--fit";
  for (const params::Parameter& row : params::parameters()) {
    const std::string_view flag = row.in.flag;
    if (flag.empty() || row.group == params::Group::engine) continue;
    if (flag == fit && !reads_images) continue;
    flags.group(params::to_string(row.group));
    flags.parameter(row, settings);
  }
}

// Prompts and their weights are one parameter, but two flags.
void ParameterFlags::add_prompts(Flags& flags) {
  flags.group(params::to_string(params::Group::prompt));
  flags.texts("--prompt", prompts_, "What the images should show; several prompts are blended",
              {.value = "TEXT"});
  flags.numbers("--prompt-weights", prompt_weights_, 0, params::prompt_list().maximum_weight,
                "Weight of each prompt in the blend", {.value = "W,W"});
  flags.flag(
      "--lerp",
      [this](bool linear) {
        settings.live.interpolation =
            linear ? PromptInterpolation::linear : PromptInterpolation::slerp;
      },
      "Blend prompts along a straight line instead of a great circle");
}

params::Settings ParameterFlags::parsed() const {
  params::Settings all = settings;
  std::vector<WeightedPrompt>& prompts = all.live.prompts;
  if (!prompts_.empty()) prompts.clear();
  for (const std::string& text : prompts_) prompts.push_back({text, 1.0F});
  base::require(prompt_weights_.empty() || prompt_weights_.size() == prompts.size(),
                ErrorCode::invalid_argument, "--prompt-weights has ", prompt_weights_.size(),
                " entries for ", prompts.size(), " prompts");
  for (std::size_t i = 0; i < prompt_weights_.size(); ++i) prompts[i].weight = prompt_weights_[i];
  params::check(all);
  return all;
}

}  // namespace streamdiffusion::app
