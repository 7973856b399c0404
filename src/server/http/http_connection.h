// One connection: it serves HTTP requests one after another, until it becomes a WebSocket or an
// MJPEG stream, or is closed.
#pragma once

#include <memory>
#include <string>

#include "server/http/api.h"
#include "server/net/transport.h"
#include "server/protocol/rate_limiter.h"
#include "server/sessions/session_registry.h"

namespace streamdiffusion::server {

/// What all connections share.
struct ConnectionContext {
  Api& api;
  SessionRegistry& registry;
  const AccessControl& access;
  const Limits& limits;
  RateLimiter& rate_limiter;
};

/// `client` is what limits count the connection for. With `health_only` it answers one request, to
/// /healthz or /readyz.
Task<void> run_connection(std::shared_ptr<Transport> transport, std::string client,
                          bool health_only, ConnectionContext context);

/// Sends the images of a session as MJPEG until the session ends or the client disconnects.
Task<void> run_mjpeg(std::shared_ptr<Transport> transport, std::shared_ptr<ClientSession> session,
                     const Limits& limits);

}  // namespace streamdiffusion::server
