// Scripts by which shells complete the program's commands, flags and words.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "flags.h"

namespace streamdiffusion::app {

/// `shell` is "bash", "zsh" or "fish".
std::string completion_script(std::string_view shell, const std::vector<CommandSummary>& commands);

}  // namespace streamdiffusion::app
