// The routes. One table says which methods and addresses there are.
#pragma once

#include <vector>

#include "server/gate.h"
#include "server/http.h"
#include "server/image_request.h"

namespace streamdiffusion::server {

class Api {
 public:
  Api(House house, Room& room, const Gate& gate, const ServerOptions& options);

  /// Replies once, now or later, on the network thread.
  void handle(const Request& request, const Reply& reply);
  /// Replies at once with an error.
  void refuse(const Request& request, const Refusal& refusal, const Reply& reply) const;

 private:
  using Handler = void (Api::*)(const Request&, const Reply&);
  struct Route {
    /// A path that ends with / has an id behind it.
    const char *method, *path;
    Handler handler;
  };
  static const std::vector<Route>& routes();
  Reply finished(const Request& request, const Reply& reply) const;
  static std::string name_of_route(const Request& request);
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

  House house_;
  Room& room_;
  const Gate& gate_;
  const ServerOptions& options_;
  OneImage one_image_;
};

/// Security headers that every answer carries.
const std::vector<std::pair<std::string, std::string>>& security_headers();

/// The OpenAPI 3.1 description of all routes.
nlohmann::json openapi_description(const ParameterTable& table, const std::string& version);

}  // namespace streamdiffusion::server
