// Controls the server's sessions by OSC: an address without a session means all that run.
#pragma once

#include "osc/port.h"
#include "server/executor.h"
#include "server/sessions/session_registry.h"

namespace streamdiffusion::server {

class OscControl {
 public:
  /// Both must outlive the object and the tasks that it posts. Throws as osc::Port does.
  OscControl(const osc::PortOptions& options, SessionRegistry& registry, Executor& executor);

  /// "127.0.0.1:9000"
  std::string address() const { return port_.address(); }

 private:
  osc::Port port_;
};

}  // namespace streamdiffusion::server
