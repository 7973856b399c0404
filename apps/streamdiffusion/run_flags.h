// What `streamdiffusion run` is asked to do: its flags, or a config file in their place.
#pragma once

#include <optional>
#include <string>

#include "config/config.h"
#include "parameter_flags.h"

namespace streamdiffusion::app {

struct RunFlags {
  ParameterFlags parameters;
  /// Empty: standard input; a window, or a pipe's standard output.
  std::string input, output;
  std::string input_format, input_size, output_format = "y4m", codec;
  /// 0: the source's.
  double fps = 0;
  std::optional<bool> realtime;
  /// Seconds; 0: to the end.
  double duration = 0;
  /// 0: to the end.
  std::uint64_t frames = 0;
  bool no_audio = false, strict = false, quiet = false;
  std::string input_protocols, json;

  void add_to(Flags& flags);

 private:
  void add_media(Flags& flags);
  void add_limits(Flags& flags);
  void apply(const config::Config& file);
};

}  // namespace streamdiffusion::app
