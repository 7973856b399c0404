#include "server/net/webrtc_peers.h"

#include <boost/asio/ip/udp.hpp>

#include "server/net/listen_addresses.h"
#include "server/protocol/random_value.h"

namespace streamdiffusion::server {
namespace {

/// "localhost" is IPv6 too, which not every machine has.
bool can_bind(const net::ip::address& address) {
  net::io_context io;
  net::ip::udp::socket socket(io);
  const net::ip::udp::endpoint endpoint(address, 0);
  NetError error;
  socket.open(endpoint.protocol(), error);
  if (!error) socket.bind(endpoint, error);
  return !error;
}

/// Empty for a host that stands for all addresses.
std::vector<std::string> addresses_of(const std::string& host) {
  if (host == "0.0.0.0" || host == "::" || host == "[::]") return {};
  std::vector<std::string> addresses;
  for (const auto& address : listen_addresses(host, resolve_by_system)) {
    if (can_bind(address)) addresses.push_back(address.to_string());
  }
  return addresses;
}

}  // namespace

WebRtcPeers::WebRtcPeers(net::io_context& io, SessionRegistry& registry, Metrics& metrics,
                         const Limits& limits, WebRtcOptions options)
    : io_(io),
      registry_(registry),
      metrics_(metrics),
      limits_(limits),
      options_(std::move(options)) {}

void WebRtcPeers::open(const std::string& id, webrtc::Role role, const Request& offer,
                       const Reply& reply) {
  const auto peer = std::make_shared<WebRtcPeer>(io_, registry_, metrics_, limits_);
  peer->start(id, role, options_.program, offer.owner);
  const std::string name = random_value();
  peers_.emplace(name, peer);
  if (offer.cancellation) {
    offer.cancellation->on_cancel([weak = std::weak_ptr(peer)] {
      if (const auto left = weak.lock()) left->close(1000, "the client has left");
    });
  }
  const auto answered = [this, name, reply](const std::optional<std::string>& answer,
                                            const std::optional<HttpError>& http_error) {
    if (http_error) {
      metrics_.error(http_error->code());
      return reply(error_response(*http_error));
    }
    Response response;
    response.status = 201;
    response.type = "application/sdp";
    response.body = *answer;
    // Relative, because a proxy may serve all addresses under a prefix.
    response.header = {{"Location", "../peers/" + name}, {"Cache-Control", "no-store"}};
    for (const std::string& link : webrtc::ice_server_links(options_.network)) {
      response.header.emplace_back("Link", link);
    }
    reply(std::move(response));
  };
  net::co_spawn(io_, peer->run({role, offer.body, options_.network}, answered),
                [this, name](const std::exception_ptr& /*none*/) { peers_.erase(name); });
}

void WebRtcPeers::end(const std::string& peer) {
  const auto it = peers_.find(peer);
  if (it == peers_.end()) throw HttpError(404, "not_found", "there is no such connection");
  it->second->close(1000, "the connection was ended");
}

std::unique_ptr<WebRtcPeers> make_webrtc_peers(net::io_context& io, SessionRegistry& registry,
                                               Metrics& metrics, const ServerOptions& options) {
  if (options.webrtc.program.empty()) return nullptr;
  WebRtcOptions webrtc = options.webrtc;
  if (webrtc.network.addresses.empty()) {
    webrtc.network.addresses = addresses_of(options.host);
  }
  return std::make_unique<WebRtcPeers>(io, registry, metrics, options.limits, std::move(webrtc));
}

}  // namespace streamdiffusion::server
