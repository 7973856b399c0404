// The parameters of one stream, set by name in JSON: for the C interface, OSC and the element of
// GStreamer.
#pragma once

#include <string>
#include <vector>

#include "params/table.h"
#include "settings/change_history.h"
#include "streamdiffusion/engine.h"
#include "streamdiffusion/live.h"

namespace streamdiffusion::live {

/// JSON of the caller's, NULL for {}. Bounded in size and depth.
params::Settings read_engine_parameters(const char* json);

class NamedParameters {
 public:
  /// Whether who sets them may name files of this machine.
  enum class Files { read, refuse };
  explicit NamedParameters(Engine engine, Files files = Files::read);

  /// As they would be with the members of the JSON object set. Reads the images that it names.
  /// Throws settings::ParameterError, and Error of a file.
  params::Settings with(const char* json) const;
  /// What they are from now on: change `number` of a live session, or 0. Of LoRAs,
  /// ControlNets and IP-Adapters that are not set, the engine's.
  void keep(params::Settings settings, std::uint64_t number = 0);
  /// Goes back to the settings that the session goes on with, if it took a change back.
  void follow(const LiveSession& session);
  /// Another live session has started with them.
  void restart() { asked_ = settings::ChangeHistory(params::Settings(now())); }
  const LiveSettings& live() const { return now().live; }
  /// JSON Schema, with the defaults as they are now.
  std::string schema() const;
  /// A JSON object of all values.
  std::string values() const;

 private:
  const params::Settings& now() const { return asked_.now(); }
  /// With what is unset filled in, for people to see.
  params::Settings shown() const;

  Engine engine_;
  Files files_;
  std::vector<params::Parameter> rows_;
  settings::ChangeHistory<params::Settings> asked_;
};

}  // namespace streamdiffusion::live
