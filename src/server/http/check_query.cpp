// What the address of a request may hold behind its "?".
#include <algorithm>

#include "base/join.h"
#include "json/quote.h"
#include "server/http/api.h"

namespace streamdiffusion::server {
namespace {

/// Together with the body, by whoever reads that.
bool checked_later(const Route& route) {
  return route.body == RequestBody::text_to_image || route.body == RequestBody::image_to_image;
}

}  // namespace

void check_query(const Request& request) {
  const std::string_view given = request.method, method = given == "HEAD" ? "GET" : given;
  for (const Route& route : Api::routes()) {
    if (route.method != method || !matches(route, request.path) || checked_later(route)) continue;
    std::vector<std::string_view> known = route.query;
    known.emplace_back("token");
    for (const auto& [name, value] : request.query) {
      if (std::ranges::find(known, name) != known.end()) continue;
      throw HttpError(400, "unknown_parameter",
                      base::concat("the query of ", route.path, " has ", json::quote(name),
                                   ", expected only ", base::joined(known)),
                      json::printable(name, 64));
    }
  }
}

}  // namespace streamdiffusion::server
