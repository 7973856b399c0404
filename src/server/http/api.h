// The routes.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <utility>
#include <vector>

#include "server/http/image_request.h"
#include "server/protocol/access_control.h"
#include "server/protocol/http.h"

namespace streamdiffusion::server {

class Api {
 public:
  Api(ServerContext context, SessionRegistry& registry, const AccessControl& access,
      const ServerOptions& options);

  /// Replies once, now or later, on the network thread.
  void handle(const Request& request, const Reply& reply);
  /// Replies at once with an error.
  void respond_error(const Request& request, const HttpError& http_error, const Reply& reply) const;

  struct Route {
    /// A path that ends with / is followed by an id.
    const char *method, *path;
    void (Api::*handler)(const Request&, const Reply&);
  };
  static const std::vector<Route>& routes();

 private:
  Reply with_common_headers(const Request& request, const Reply& reply) const;
  void dispatch(const Request& request, const Reply& reply);

  void page(const Request& request, const Reply& reply);
  void settings(const Request& request, const Reply& reply);
  void queue(const Request& request, const Reply& reply);
  void txt2img(const Request& request, const Reply& reply);
  void img2img(const Request& request, const Reply& reply);
  void sessions(const Request& request, const Reply& reply);
  void session(const Request& request, const Reply& reply);
  void patch_session(const Request& request, const Reply& reply);
  void end_session(const Request& request, const Reply& reply);
  void openapi(const Request& request, const Reply& reply);
  void healthz(const Request& request, const Reply& reply);
  void readyz(const Request& request, const Reply& reply);
  void metrics(const Request& request, const Reply& reply);

  ServerContext context_;
  SessionRegistry& registry_;
  const AccessControl& access_;
  const ServerOptions& options_;
  ImageRequest image_request_;
};

/// The security headers of every response.
const std::vector<std::pair<std::string, std::string>>& security_headers();

/// The OpenAPI 3.1 description of all routes.
nlohmann::json openapi_description(const ParameterTable& table, const std::string& version);

}  // namespace streamdiffusion::server
