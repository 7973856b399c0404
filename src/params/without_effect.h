// Parameters that were given and do nothing under the others, and what would make them act.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "params/table.h"

namespace streamdiffusion::params {

struct WithoutEffect {
  const Parameter* parameter;
  /// "delta has no effect with cfg_type none; it acts with self or initialize"
  std::string message;
};

/// What a front end calls a parameter: "--delta", "delta".
using NameOf = std::function<std::string(const Parameter&)>;
/// The key of YAML and JSON.
std::string key_of(const Parameter& row);
/// The flag, or the key of a parameter that has none.
std::string flag_or_key_of(const Parameter& row);
/// The key of what stands in a file of settings, otherwise the flag. `settings` must outlive it.
NameOf as_given_in(const Settings& settings);

/// What of a model decides whether a parameter acts.
struct ModelTraits {
  /// It follows original_width and the like.
  bool size_conditioning = false;
  /// It takes the guidance scale as an input.
  bool guidance_embedding = false;
};

/// What of the images that are made decides whether a parameter acts.
struct ImageTraits {
  /// There is one, and no frame before or after it.
  bool single = false;
  /// Of a format that is written without loss.
  bool lossless = false;
};

/// One for each of `settings.given` that does nothing, and for each prompt, seed and IP-Adapter of
/// a list that does. Options that are unset count as what `full` says, which has every default
/// filled in.
std::vector<WithoutEffect> without_effect(const Settings& settings, const SessionOptions& full,
                                          const NameOf& name_of, const ModelTraits& model = {},
                                          const ImageTraits& images = {});

}  // namespace streamdiffusion::params
