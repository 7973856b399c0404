#include "parameter_flags.h"

#include <algorithm>

#include "base/error.h"
#include "engine_files.h"
#include "params/check.h"
#include "params/empty_note.h"
#include "params/seed.h"

namespace streamdiffusion::app {

namespace {

void add_group(Flags& flags, params::Group group, params::Settings& settings,
               std::initializer_list<std::string_view> without = {}) {
  flags.group(params::to_string(group));
  for (const params::Parameter& row : params::parameters()) {
    const bool left_out = std::ranges::find(without, row.in.flag) != without.end();
    if (row.group == group && !left_out) flags.parameter(row, settings);
  }
}

}  // namespace

void ParameterFlags::add_engine(Flags& flags, std::initializer_list<std::string_view> without) {
  add_group(flags, params::Group::engine, settings, without);
}

void ParameterFlags::add_run(Flags& flags) {
  add_group(flags, params::Group::run, settings);
}

void ParameterFlags::add_stream(Flags& flags, bool reads_images) {
  add_prompts(flags);
  add_style_images(flags);
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
  flags.texts("--prompt", prompts_,
              "What the images should show; several prompts are blended; without: the model's own",
              {.value = "TEXT", .if_empty = params::kNoText});
  flags.numbers("--prompt-weights", prompt_weights_, 0, params::prompt_list().maximum_weight,
                "Weight of each prompt in the blend", {.value = "W,W"});
  flags.flag(
      "--lerp",
      [this](bool linear) {
        settings.given.insert("prompt_interpolation_method");
        settings.of_file.erase("prompt_interpolation_method");
        settings.live.interpolation = linear ? Interpolation::linear : Interpolation::slerp;
      },
      "Blend prompts along a straight line instead of a great circle");
}

// Each adapter is told all of them; a file of --config can give each its own.
void ParameterFlags::add_style_images(Flags& flags) {
  flags.group(params::to_string(params::Group::image_prompt));
  flags.texts("--style-image", style_images_,
              "Images that --ip-adapter makes the images follow: PNG, JPEG or WebP files",
              {.value = "FILE"});
}

std::vector<IpAdapter> ParameterFlags::ip_adapters() const {
  std::vector<IpAdapter> adapters = settings.engine.ip_adapters;
  base::require(style_images_.empty() || !adapters.empty(), ErrorCode::invalid_argument,
                "--style-image is given without --ip-adapter, which makes images follow it");
  for (IpAdapter& adapter : adapters) {
    if (!style_images_.empty()) adapter.prompt.files = style_images_;
  }
  return adapters;
}

std::vector<std::filesystem::path> ParameterFlags::inputs() const {
  EngineOptions options = settings.engine;
  options.ip_adapters = ip_adapters();
  return engine_files(options);
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
  if (!prompts_.empty()) {
    all.given.insert("prompt_list");
    all.of_file.erase("prompt_list");
  }
  all.engine.ip_adapters = ip_adapters();
  params::check(all);
  all.live.options.seed = params::resolved_seed(all.live.options.seed);
  return all;
}

}  // namespace streamdiffusion::app
