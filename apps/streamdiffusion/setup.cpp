#include "setup.h"

#include <algorithm>
#include <cstdio>
#include <filesystem>

#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"

namespace streamdiffusion::app {
namespace {

namespace fs = std::filesystem;

/// The folder of the model in the box, where it was installed or in the tree that the program was
/// built in; empty if it is in neither.
std::string model_in_the_box() {
  std::error_code ignored;
  const fs::path here = fs::read_symlink("/proc/self/exe", ignored).parent_path();
  for (const char* place :
       {"../share/streamdiffusion/models/pictogram", "../../models/pictogram"}) {
    const fs::path folder = (here / place).lexically_normal();
    if (fs::exists(folder / "model_index.json", ignored)) return folder.string();
  }
  return {};
}

/// The prompts of the flags with their weights; none given: none.
std::vector<WeightedPrompt> weighted_prompts(const SessionFlags& flags) {
  base::require(flags.prompt_weights.empty() || flags.prompt_weights.size() == flags.prompts.size(),
                ErrorCode::invalid_argument, "--prompt-weights has ", flags.prompt_weights.size(),
                " entries for ", flags.prompts.size(), " prompts");
  std::vector<WeightedPrompt> prompts;
  for (std::size_t i = 0; i < flags.prompts.size(); ++i) {
    prompts.push_back(
        {flags.prompts[i], flags.prompt_weights.empty() ? 1.0F : flags.prompt_weights[i]});
  }
  return prompts;
}

PromptInterpolation interpolation(const SessionFlags& flags) {
  return flags.lerp ? PromptInterpolation::linear : PromptInterpolation::slerp;
}

void warn_of_unknown_words(const Engine& engine, const SessionFlags& flags) {
  std::string all = flags.negative_prompt;
  for (const std::string& prompt : flags.prompts) all += " " + prompt;
  const KnownWords known = read_known_words(engine.info().folder);
  for (const UnknownWord& unknown : unknown_words(known, all)) {
    base::warn(unknown.message);
  }
}

void set_prompts(Session& session, const SessionFlags& flags) {
  const std::vector<WeightedPrompt> prompts = weighted_prompts(flags);
  if (!prompts.empty()) session.set_prompts(prompts, interpolation(flags));
  if (!flags.negative_prompt.empty()) session.set_negative_prompt(flags.negative_prompt);
}

}  // namespace

EngineOptions with_model(const EngineFlags& flags) {
  EngineOptions options = flags.options;
  if (options.model.empty() && options.random_weights.empty()) {
    options.model = model_in_the_box();
    base::require(
        !options.model.empty(), ErrorCode::invalid_argument,
        "there is no model beside the program; expected --model DIR or --random-weights NAME");
  }
  return options;
}

Engine open_engine(const EngineFlags& flags) {
  return Engine::open(with_model(flags));
}

Drawing open_drawing(const EngineFlags& engine_flags, const SessionFlags& flags, bool quiet) {
  const auto start = base::Clock::now();
  Engine engine = open_engine(engine_flags);
  Session session = engine.session(flags.options);
  warn_of_unknown_words(engine, flags);
  set_prompts(session, flags);
  if (!quiet) {
    const EngineInfo info = engine.info();
    std::fprintf(stderr, "%s  %s  %s on %s  ready in %.2f s\n", info.model.c_str(),
                 session.description().c_str(), info.dtype.c_str(), info.device.c_str(),
                 base::seconds_since(start));
  }
  return {std::move(engine), std::move(session)};
}

LiveSettings live_settings(const Engine& engine, const SessionFlags& flags) {
  warn_of_unknown_words(engine, flags);
  LiveSettings settings{.options = flags.options,
                        .prompts = weighted_prompts(flags),
                        .interpolation = interpolation(flags)};
  if (!flags.negative_prompt.empty()) settings.negative_prompt = flags.negative_prompt;
  return settings;
}

std::string stage_times(const SessionTimes& times) {
  const double frames = static_cast<double>(std::max<std::uint64_t>(times.frames, 1));
  char text[160];
  std::snprintf(text, sizeof text,
                "encode %.1f ms, unet %.1f ms, decode %.1f ms, other %.1f ms a frame",
                times.encode / frames * 1e3, times.unet / frames * 1e3, times.decode / frames * 1e3,
                times.other / frames * 1e3);
  return text;
}

}  // namespace streamdiffusion::app
