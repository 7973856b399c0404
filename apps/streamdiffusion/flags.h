// The flags that several sub-commands share, under the original package's names.
#pragma once

#include <CLI/CLI.hpp>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "streamdiffusion/names.h"

namespace streamdiffusion::app {

/// A flag that takes one of a few words; target and names must outlive the parsing.
template <typename Target, typename Choice>
CLI::Option* add_choice(CLI::App& command, const std::string& flag, Target& target,
                        const Names<Choice>& names, const std::string& help) {
  std::vector<std::string> known;
  for (const auto& [word, choice] : names) known.push_back(word);
  return command
      .add_option_function<std::string>(
          flag, [&target, &names](const std::string& word) { target = *choice_of(names, word); },
          help)
      ->check(CLI::IsMember(known));
}

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
