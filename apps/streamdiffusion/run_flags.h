// What `streamdiffusion run` is asked to do: its flags, or a config file in their place.
#pragma once

#include <optional>
#include <string>

#include "image/image_file.h"
#include "osc/port.h"
#include "parameter_flags.h"

namespace streamdiffusion::app {

struct RunFlags {
  ParameterFlags parameters;
  /// Empty: standard input; a window, or a pipe's standard output.
  std::string input, output;
  /// Empty: control images are made of the input.
  std::string control_input;
  std::string input_format, input_size, output_format = "y4m", codec;
  /// Of input_size, if it is given.
  std::optional<image::ImageSize> size;
  /// 0: the source's.
  double fps = 0;
  std::optional<bool> realtime;
  /// Seconds; 0: to the end.
  double duration = 0;
  /// 0: to the end.
  std::uint64_t frames = 0;
  bool no_audio = false, strict = false, quiet = false;
  std::string input_protocols, json;
  /// The file that settings were read from, or empty.
  std::string config;
  osc::PortOptions osc;

  void add_to(Flags& flags);
  /// Once all is parsed: the members from the flags and the file. Warns of those that do nothing.
  void settle();

 private:
  void warn_of_idle_flags() const;
};

}  // namespace streamdiffusion::app
