#include "live/complete_settings.h"

#include "params/check.h"
#include "params/seed.h"

namespace streamdiffusion::live {

LiveSettings complete(const Engine& engine, LiveSettings settings) {
  settings.options = engine.with_defaults(settings.options);
  if (settings.prompts.empty()) settings.prompts = {{engine.sample_prompt(), 1.0F}};
  const std::string sample = engine.sample_negative_prompt();
  if (!settings.negative_prompt && !sample.empty()) settings.negative_prompt = sample;
  engine.check(settings.options);
  params::check(settings);
  settings.options.seed = params::resolved_seed(settings.options.seed);
  return settings;
}

}  // namespace streamdiffusion::live
