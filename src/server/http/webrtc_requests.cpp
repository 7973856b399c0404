// The routes of WebRTC: WHIP (RFC 9725), WHEP (draft-ietf-wish-whep), and two with video both ways.
// All candidates are in the answer, so that none comes later: PATCH is refused with 405, as the RFC
// has it for servers without trickle ICE.
#include <algorithm>

#include "json/quote.h"
#include "server/http/api.h"

namespace streamdiffusion::server {
namespace {

using webrtc::Role;

void check_sdp_type(const Request& request) {
  if (request.media_type() == kSdpType) return;
  throw HttpError(415, "unsupported_media_type",
                  base::concat("the body is of type ", json::quote(request.field("content-type")),
                               ", expected ", kSdpType));
}

/// 400 for what is no offer, 422 for one that this server does not answer.
void check_offer(const std::string& offer, Role role) {
  try {
    webrtc::read_offer(offer, role);
  } catch (const Error& error) {
    const bool understood = error.code() == ErrorCode::unsupported;
    throw HttpError(understood ? 422 : 400, "bad_offer", error.what());
  }
}

}  // namespace

bool Api::takes_offer(const Request& request) {
  return std::ranges::any_of(routes(), [&](const Route& route) {
    return route.body == RequestBody::offer && matches(route, request.path);
  });
}

void Api::open_exchange(Request& request, const Reply& reply) {
  open_peer(request, Role::exchange, reply);
}

void Api::open_beside(Request& request, const Reply& reply) {
  open_peer(request, Role::beside, reply);
}

void Api::open_whip(Request& request, const Reply& reply) {
  open_peer(request, Role::send, reply);
}

void Api::open_whep(Request& request, const Reply& reply) {
  open_peer(request, Role::receive, reply);
}

void Api::open_peer(Request& request, Role role, const Reply& reply) {
  if (peers_ == nullptr) {
    throw HttpError(501, "not_implemented", "this server was started without WebRTC");
  }
  check_sdp_type(request);
  check_offer(request.body, role);
  peers_->open(session_id_of(request), role, request, reply);
}

void Api::end_peer(Request& request, const Reply& reply) {
  if (peers_ == nullptr) throw HttpError(404, "not_found", "there is no such connection");
  peers_->end(session_id_of(request));
  Response response;
  response.type = "text/plain; charset=utf-8";
  reply(std::move(response));
}

}  // namespace streamdiffusion::server
