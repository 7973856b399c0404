// What `streamdiffusion run` is asked to do: its flags, or a config file in their stead.
#pragma once

#include <optional>
#include <string>

#include "config/config.h"
#include "flags.h"

namespace streamdiffusion::app {

struct RunFlags {
  EngineFlags engine;
  SessionFlags session;
  /// Empty: standard input; a window, or a pipe's standard output.
  std::string input, output;
  std::string input_format, input_size, output_format = "y4m", codec;
  Fit fit = Fit::cover;
  /// 0: the source's.
  double fps = 0;
  std::optional<bool> realtime;
  /// Seconds; 0: to the end.
  double duration = 0;
  /// 0: to the end.
  std::uint64_t frames = 0;
  bool no_audio = false, quiet = false;
  std::string json;

  void add_to(CLI::App& command);

 private:
  void add_media(CLI::App& command);
  void add_config(CLI::App& command);
  void apply(const config::Config& file);
};

}  // namespace streamdiffusion::app
