// The routes. One table holds every address and method, and the OpenAPI description is made from
// it.
#pragma once

#include <functional>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "server/http/gzip.h"
#include "server/http/image_request.h"
#include "server/http/peer_service.h"
#include "server/protocol/access_control.h"
#include "server/protocol/http.h"

namespace streamdiffusion::server {

class Api;

/// Who serves a route: Api, or the connection, which becomes a WebSocket or an MJPEG stream.
enum class Responder { api, web_socket, mjpeg };

/// What the body of a request holds.
enum class RequestBody { none, parameters, text_to_image, image_to_image, image, offer };

/// Of an offer and its answer.
constexpr const char* kSdpType = "application/sdp";

struct Route {
  using Handler = void (Api::*)(Request&, const Reply&);

  std::string_view method;
  /// "{id}" at the end stands for the id of a session.
  std::string_view path;
  /// Null unless Api serves the route.
  Handler handler;
  /// For the OpenAPI description.
  std::string_view summary;
  /// Of a successful response. "image/*" stands for all image formats, empty for no content.
  int status = 200;
  std::string_view type = "application/json";
  RequestBody body = RequestBody::none;
  Responder responder = Responder::api;
  /// What its query may hold beside `token`. Where the body is an image, the parameters may too.
  std::vector<std::string_view> query = {};
};

/// Whether the route has this path.
bool matches(const Route& route, std::string_view path);

/// Throws HttpError 400 naming what stands in the query and the route does not know.
void check_query(const Request& request);

class Api {
 public:
  /// `peers` is null where there is no WebRTC.
  Api(ServerContext context, SessionRegistry& registry, const AccessControl& access,
      const ServerOptions& options, PeerService* peers = nullptr);

  static const std::vector<Route>& routes();
  /// Who serves this address, whatever the method and the id. Api serves unknown addresses.
  static Responder responder_of(const Request& request);
  /// The most bytes of body that this request may have, 0 if its route takes none. Nothing if there
  /// is no such route.
  std::optional<std::size_t> body_limit(const Request& request) const;
  /// How much of an address' requests per second it takes. The files of the page are compiled in
  /// and cost next to nothing, and opening the page asks for more than sixty of them.
  static double cost_of(const Request& request);
  /// The last segment of the path.
  static std::string session_id_of(const Request& request);

  /// Replies once, now or later, on the network thread. May take the request's body.
  void handle(Request& request, const Reply& reply);
  /// Replies at once with an error.
  void respond_error(const Request& request, const HttpError& http_error, const Reply& reply) const;
  /// Called twice a second.
  void tick() { image_request_.tick(); }
  /// Ends all requests that wait for an image.
  void cancel_all() { image_request_.cancel_all(); }

 private:
  /// The session of the address. Throws HttpError 404.
  std::shared_ptr<ClientSession> session_of(const Request& request) const;
  Reply with_common_headers(const Request& request, const Reply& reply) const;
  void dispatch(Request& request, const Reply& reply);

  void view(Request& request, const Reply& reply);
  void page(Request& request, const Reply& reply);
  std::shared_ptr<const StreamModel> model_of(const Request& request) const;
  void settings(Request& request, const Reply& reply);
  void models(Request& request, const Reply& reply);
  void words(Request& request, const Reply& reply);
  void link_token(Request& request, const Reply& reply);
  void queue(Request& request, const Reply& reply);
  void txt2img(Request& request, const Reply& reply);
  void img2img(Request& request, const Reply& reply);
  void sessions(Request& request, const Reply& reply);
  void session(Request& request, const Reply& reply);
  void patch_session(Request& request, const Reply& reply);
  void end_session(Request& request, const Reply& reply);
  void image(Request& request, const Reply& reply);
  void control_image(Request& request, const Reply& reply);
  void style_image(Request& request, const Reply& reply);
  void set_style_image(Request& request, const Reply& reply);
  void add_style_image(Request& request, const Reply& reply);
  void remove_style_images(Request& request, const Reply& reply);
  /// Makes a response on a worker.
  void respond_later(std::function<Response()> make, const Reply& reply) const;
  void take_style_image(Request& request, bool add, const Reply& reply);
  void open_exchange(Request& request, const Reply& reply);
  void open_beside(Request& request, const Reply& reply);
  void open_whip(Request& request, const Reply& reply);
  void open_whep(Request& request, const Reply& reply);
  void open_peer(Request& request, webrtc::Role role, const Reply& reply);
  void end_peer(Request& request, const Reply& reply);
  static bool takes_offer(const Request& request);
  void openapi(Request& request, const Reply& reply);
  void healthz(Request& request, const Reply& reply);
  void readyz(Request& request, const Reply& reply);
  void metrics(Request& request, const Reply& reply);

  ServerContext context_;
  SessionRegistry& registry_;
  const AccessControl& access_;
  const ServerOptions& options_;
  PeerService* peers_;
  ImageRequest image_request_;
  mutable GzipCache gzip_;
};

/// The security headers of every response.
const std::vector<std::pair<std::string, std::string>>& security_headers();

/// The OpenAPI 3.1 description of all routes.
nlohmann::json openapi_description(const std::vector<Route>& routes, const ParameterTable& table,
                                   const std::string& version);

}  // namespace streamdiffusion::server
