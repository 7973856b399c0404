// Encodes prompts before they act.
#pragma once

#include <memory>
#include <vector>

#include "streamdiffusion/live.h"

namespace streamdiffusion::live {

/// What keeps prompts known, so that no text encoder runs when they are set.
using EncodedPrompts = std::vector<std::shared_ptr<const void>>;

inline EncodedPrompts encode_prompts(Engine& engine, const std::vector<WeightedPrompt>& prompts,
                                     const std::vector<float>& lora_scales) {
  EncodedPrompts encoded;
  for (const WeightedPrompt& prompt : prompts) {
    encoded.push_back(engine.encode_prompt(prompt.text, lora_scales));
  }
  return encoded;
}

/// All prompts of the settings. Done before a session is made, text encoders that are to be
/// released are read once.
inline EncodedPrompts encode_prompts(Engine& engine, const LiveSettings& settings) {
  const std::vector<float>& scales = settings.options.lora_scales;
  EncodedPrompts encoded = encode_prompts(engine, settings.prompts, scales);
  if (settings.negative_prompt) {
    encoded.push_back(engine.encode_prompt(*settings.negative_prompt, scales));
  }
  return encoded;
}

}  // namespace streamdiffusion::live
