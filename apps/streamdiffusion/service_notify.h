// Tells a service manager that the program is ready (sd_notify(3)).
#pragma once

#include <string_view>

namespace streamdiffusion::app {

/// Sends `state`, such as "READY=1", to the socket that $NOTIFY_SOCKET names. Does nothing without
/// it; a manager that cannot be reached is no reason to end.
void notify_service_manager(std::string_view state);

}  // namespace streamdiffusion::app
