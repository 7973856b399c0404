// The flags that several commands share, out of the table of parameters.
#pragma once

#include <filesystem>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "flags.h"
#include "params/table.h"

namespace streamdiffusion::app {

class ParameterFlags {
 public:
  /// Which model is opened, and what it runs on, but for the flags of `without`.
  void add_engine(Flags& flags, std::initializer_list<std::string_view> without = {});
  /// How images are generated. `--fit` only for commands that read images.
  void add_stream(Flags& flags, bool reads_images);

  /// What the command `run` takes besides.
  void add_run(Flags& flags);

  /// The defaults of the flags. Flags overwrite them while they are parsed, except the prompts.
  params::Settings settings;
  /// The settings with the prompts of the flags, and with a drawn seed for -1. Throws
  /// invalid_argument for settings that no session could have.
  params::Settings parsed() const;
  /// Files that the engine will read, and that no output may replace.
  std::vector<std::filesystem::path> inputs() const;

 private:
  void add_prompts(Flags& flags);
  void add_style_images(Flags& flags);
  /// With the images of the flags.
  std::vector<IpAdapter> ip_adapters() const;

  std::vector<std::string> prompts_, style_images_;
  std::vector<float> prompt_weights_;
};

}  // namespace streamdiffusion::app
