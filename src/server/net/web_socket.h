// A client's WebSocket. One coroutine reads, another one writes.
#pragma once

#include <memory>
#include <string>

#include "server/net/transport.h"
#include "server/sessions/session_registry.h"

namespace streamdiffusion::server {

/// Beast's request that asks for the upgrade. It is defined outside this header.
struct UpgradeRequest;

/// Serves a connection until it is closed. `id` and `protocol` come from its URL.
Task<void> run_web_socket(std::shared_ptr<Transport> transport,
                          std::shared_ptr<UpgradeRequest> request, SessionRegistry& registry,
                          const Limits& limits, std::string id, Protocol protocol, Owner owner);

}  // namespace streamdiffusion::server
