#include "parameter_flags.h"

#include "base/error.h"
#include "params/check.h"
#include "params/seed.h"

namespace streamdiffusion::app {

namespace {

void add_group(Flags& flags, params::Group group, params::Settings& settings) {
  flags.group(params::to_string(group));
  for (const params::Parameter& row : params::parameters()) {
    if (row.group == group) flags.parameter(row, settings);
  }
}

}  // namespace

void ParameterFlags::add_engine(Flags& flags) {
  add_group(flags, params::Group::engine, settings);
}

void ParameterFlags::add_run(Flags& flags) {
  add_group(flags, params::Group::run, settings);
}

void ParameterFlags::add_stream(Flags& flags, bool reads_images) {
  add_prompts(flags);
  const std::string_view fit = "--fit";
  for (const params::Parameter& row : params::parameters()) {
    const std::string_view flag = row.in.flag;
    const bool stream = row.group != params::Group::engine && row.group != params::Group::run;
    if (flag.empty() || !stream) continue;
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
        settings.given.insert("prompt_interpolation_method");
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
  if (!prompts_.empty()) all.given.insert("prompt_list");
  params::check(all);
  all.live.options.seed = params::resolved_seed(all.live.options.seed);
  return all;
}

}  // namespace streamdiffusion::app
