// The parameters of one stream, set by name: what a session and a live session of the C interface
// share.
#pragma once

#include <string>
#include <vector>

#include "params/table.h"
#include "streamdiffusion/engine.h"

namespace streamdiffusion::c_api {

/// JSON of the caller's, NULL for {}. Bounded in size and depth.
params::Settings read_engine_parameters(const char* json);

class StreamParameters {
 public:
  explicit StreamParameters(Engine engine);

  /// As they would be with the members of the JSON object set. Throws settings::ParameterError.
  params::Settings with(const char* json) const;
  void keep(params::Settings settings) { now_ = std::move(settings); }
  const LiveSettings& live() const { return now_.live; }
  /// JSON Schema, with the defaults as they are now.
  std::string schema() const;
  /// A JSON object of all values.
  std::string values() const;

 private:
  /// With what is unset filled in, for people to see.
  params::Settings shown() const;

  Engine engine_;
  std::vector<params::Parameter> rows_;
  params::Settings now_;
};

}  // namespace streamdiffusion::c_api
