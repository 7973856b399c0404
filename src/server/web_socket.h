// A client's WebSocket: one coroutine reads, one writes; the room knows the rest.
#pragma once

#include <deque>
#include <memory>
#include <string>

#include "server/room.h"
#include "server/transport.h"

namespace streamdiffusion::server {

/// The request that asked for the upgrade, as Beast has it; kept out of this header.
struct UpgradeRequest;

/// Runs a connection until it is closed. `id` and `dialect` come from its address.
Task<void> run_web_socket(std::shared_ptr<Transport> transport,
                          std::shared_ptr<UpgradeRequest> request, Room& room, const Limits& limits,
                          std::string id, Dialect dialect);

}  // namespace streamdiffusion::server
