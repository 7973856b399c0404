// All WebRTC connections of the server.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "server/http/peer_service.h"
#include "server/net/webrtc_peer.h"

namespace streamdiffusion::server {

class WebRtcPeers : public PeerService {
 public:
  WebRtcPeers(net::io_context& io, SessionRegistry& registry, Metrics& metrics,
              const Limits& limits, WebRtcOptions options);

  void open(const std::string& id, webrtc::Role role, const Request& offer,
            const Reply& reply) override;
  void end(const std::string& peer) override;

 private:
  net::io_context& io_;
  SessionRegistry& registry_;
  Metrics& metrics_;
  const Limits& limits_;
  const WebRtcOptions options_;
  /// By an id that nobody can guess.
  std::map<std::string, std::shared_ptr<WebRtcPeer>> peers_;
};

/// Null where options.webrtc names no program. Without addresses of their own, connections use
/// those that the server listens on. Throws io where --host cannot be resolved.
std::unique_ptr<WebRtcPeers> make_webrtc_peers(net::io_context& io, SessionRegistry& registry,
                                               Metrics& metrics, const ServerOptions& options);

}  // namespace streamdiffusion::server
