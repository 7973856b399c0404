// Control of a live stream by OSC (`run --osc`), and the flags of it that `serve` shares.
#pragma once

#include "flags.h"
#include "live/named_parameters.h"
#include "osc/port.h"
#include "params/table.h"
#include "streamdiffusion/live.h"

namespace streamdiffusion::app {

/// --osc, --osc-reply and --osc-insecure.
void add_osc_flags(Flags& flags, osc::PortOptions& options);
/// Throws as osc::check() does, and warns of flags that do nothing.
void check_osc(const osc::PortOptions& options);

class OscStream {
 public:
  /// `live` must outlive the object. `settings` are those that it began with. Throws as osc::Port
  /// does.
  OscStream(const osc::PortOptions& options, LiveSession& live, const params::Settings& settings);

  /// "127.0.0.1:9000"
  std::string address() const { return port_.address(); }

 private:
  void handle(const osc::Request& request, const osc::Sender& sender);

  LiveSession& live_;
  /// Used by the port's thread alone.
  live::NamedParameters parameters_;
  osc::Port port_;
};

}  // namespace streamdiffusion::app
