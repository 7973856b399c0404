// Encodes the prompts of settings before they act.
#pragma once

#include "streamdiffusion/live.h"

namespace streamdiffusion::live {

/// Runs the text encoders for all prompts of the settings. Done before a session is made, text
/// encoders that are to be released are read once.
inline void encode_prompts(Engine& engine, const LiveSettings& settings) {
  const std::vector<float>& scales = settings.options.lora_scales;
  for (const WeightedPrompt& prompt : settings.prompts) engine.encode_prompt(prompt.text, scales);
  if (settings.negative_prompt) engine.encode_prompt(*settings.negative_prompt, scales);
}

}  // namespace streamdiffusion::live
