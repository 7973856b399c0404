// Texts become C strings on their way to files and libraries: a NUL would cut them there. Messages
// about one say where it is, because a text shows it as nothing.
#pragma once

#include <string>
#include <vector>

#include "streamdiffusion/live.h"

namespace streamdiffusion::params {

/// " without a NUL; byte 3, counted from 0, is one", to stand behind what was expected. Empty where
/// there is none, and for what has no texts.
std::string nul_note(const std::string& text);
std::string nul_note(const std::vector<WeightedPrompt>& prompts);
std::string nul_note(const std::vector<Lora>& loras);
std::string nul_note(const std::vector<ControlNet>& nets);
std::string nul_note(const std::vector<IpAdapter>& adapters);
std::string nul_note(const auto& /*other*/) {
  return {};
}

}  // namespace streamdiffusion::params
