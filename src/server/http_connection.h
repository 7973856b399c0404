// One connection: HTTP requests one after another, until it becomes a WebSocket, an MJPEG stream,
// or is closed.
#pragma once

#include <memory>

#include "server/api.h"
#include "server/rate.h"
#include "server/room.h"
#include "server/transport.h"

namespace streamdiffusion::server {

/// What all connections share.
struct Front {
  Api& api;
  Room& room;
  const Gate& gate;
  const Limits& limits;
  RateLimit& rate;
};

Task<void> run_connection(std::shared_ptr<Transport> transport, Front front);

/// The images of a session as they come, until it ends or nobody reads any more.
Task<void> run_mjpeg(std::shared_ptr<Transport> transport, std::shared_ptr<Client> client,
                     const Limits& limits);

}  // namespace streamdiffusion::server
