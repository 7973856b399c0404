// WebRTC connections as the routes see them.
#pragma once

#include <string>

#include "server/protocol/http.h"
#include "webrtc/offer.h"

namespace streamdiffusion::server {

class PeerService {
 public:
  virtual ~PeerService() = default;
  /// Makes a connection for this offer, which read_offer() has accepted: of a new session with this
  /// id, or with Role::receive and Role::beside of one that is there. Replies once, now or later:
  /// 201 with the answer, and where the connection can be ended (Location). Throws HttpError, as
  /// SessionRegistry::connect() does.
  virtual void open(const std::string& id, webrtc::Role role, const Request& offer,
                    const Reply& reply) = 0;
  /// Throws HttpError 404.
  virtual void end(const std::string& peer) = 0;
};

}  // namespace streamdiffusion::server
