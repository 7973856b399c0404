#include "setup.h"

#include <algorithm>
#include <cstdio>

#include "base/clock.h"
#include "base/error.h"

namespace streamdiffusion::app {
namespace {

void set_prompts(Session& session, const SessionFlags& flags) {
  base::require(flags.prompt_weights.empty() || flags.prompt_weights.size() == flags.prompts.size(),
                ErrorCode::invalid_argument, "--prompt-weights has ", flags.prompt_weights.size(),
                " entries for ", flags.prompts.size(), " prompts");
  std::vector<WeightedPrompt> prompts;
  for (std::size_t i = 0; i < flags.prompts.size(); ++i) {
    prompts.push_back(
        {flags.prompts[i], flags.prompt_weights.empty() ? 1.0F : flags.prompt_weights[i]});
  }
  if (!prompts.empty()) {
    session.set_prompts(prompts,
                        flags.lerp ? PromptInterpolation::linear : PromptInterpolation::slerp);
  }
  if (!flags.negative_prompt.empty()) session.set_negative_prompt(flags.negative_prompt);
}

}  // namespace

Drawing open_drawing(const EngineFlags& engine_flags, const SessionFlags& flags, bool quiet) {
  const auto start = base::Clock::now();
  Engine engine = Engine::open(engine_flags.options);
  Session session = engine.session(flags.options);
  set_prompts(session, flags);
  if (!quiet) {
    const EngineInfo info = engine.info();
    std::fprintf(stderr, "%s  %s  %s on %s  ready in %.2f s\n", info.model.c_str(),
                 session.description().c_str(), info.dtype.c_str(), info.device.c_str(),
                 base::seconds_since(start));
  }
  return {std::move(engine), std::move(session)};
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
