// The flags that several sub-commands share, under the original package's names.
#pragma once

#include <CLI/CLI.hpp>
#include <optional>
#include <string>
#include <vector>

#include "streamdiffusion/options.h"

namespace streamdiffusion::app {

/// Where the model is and what it runs on.
struct EngineFlags {
  EngineOptions options;
  void add_to(CLI::App& command);
};

/// How a stream is to be drawn.
struct SessionFlags {
  SessionOptions options;
  std::vector<std::string> prompts;
  std::vector<float> prompt_weights;
  std::string negative_prompt;
  bool lerp = false;
  void add_to(CLI::App& command);

 private:
  void add_schedule(CLI::App& command);
  void add_guidance(CLI::App& command);
  void add_filter(CLI::App& command);
};

}  // namespace streamdiffusion::app
