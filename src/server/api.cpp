#include "server/api.h"

#include <algorithm>

#include "base/join.h"
#include "server/assets.h"

namespace streamdiffusion::server {

using nlohmann::json;

namespace {

Response json_response(const json& body, int status = 200) {
  Response response;
  response.status = status;
  response.body = dump(body);
  response.header.emplace_back("Cache-Control", "no-store");
  return response;
}

std::string id_of(const Request& request) {
  return request.path.substr(request.path.rfind('/') + 1);
}

bool matches(const std::string& route, const std::string& path) {
  if (route == path) return true;
  return route.size() > 1 && route.ends_with('/') && path.starts_with(route) &&
         is_session_id(std::string_view(path).substr(route.size()));
}

const Asset* find_asset(const std::string& path) {
  const std::string wanted = path == "/" ? "/index.html" : path;
  for (const Asset& asset : assets()) {
    if (asset.path == wanted) return &asset;
  }
  return nullptr;
}

}  // namespace

const std::vector<std::pair<std::string, std::string>>& security_headers() {
  static const std::vector<std::pair<std::string, std::string>> headers{
      {"Content-Security-Policy",
       "default-src 'self'; connect-src 'self' ws: wss:; img-src 'self' blob: data:; "
       "media-src 'self' blob:; style-src 'self'; base-uri 'none'; form-action 'none'; "
       "frame-ancestors 'none'"},
      {"X-Content-Type-Options", "nosniff"},
      {"X-Frame-Options", "DENY"},
      {"Referrer-Policy", "no-referrer"},
      {"Cross-Origin-Opener-Policy", "same-origin"},
      {"Permissions-Policy", "camera=(self), display-capture=(self), microphone=(self)"}};
  return headers;
}

Api::Api(House house, Room& room, const Gate& gate, const ServerOptions& options)
    : house_(house), room_(room), gate_(gate), options_(options), one_image_(house, room) {}

const std::vector<Api::Route>& Api::routes() {
  static const std::vector<Route> table{
      {"GET", "/api/settings", &Api::settings},
      {"GET", "/api/queue", &Api::queue},
      {"POST", "/api/txt2img", &Api::txt2img},
      {"POST", "/api/img2img", &Api::img2img},
      {"GET", "/api/sessions", &Api::sessions},
      {"GET", "/api/sessions/", &Api::session},
      {"PATCH", "/api/sessions/", &Api::patch_session},
      {"DELETE", "/api/sessions/", &Api::end_session},
      {"GET", "/api/openapi.json", &Api::openapi},
      {"GET", "/healthz", &Api::healthz},
      {"GET", "/readyz", &Api::readyz},
      {"GET", "/metrics", &Api::metrics},
  };
  return table;
}

/// For the count of requests: the routes, all of the page's files, and all else.
std::string Api::name_of_route(const Request& request) {
  for (const Route& route : routes()) {
    if (matches(route.path, request.path)) return route.path;
  }
  return find_asset(request.path) != nullptr ? "page" : "none";
}

/// Counts the answer and adds the headers that all of them have.
Reply Api::finished(const Request& request, const Reply& reply) const {
  return
      [this, reply, name = name_of_route(request), cors = gate_.cors(request)](Response response) {
        house_.metrics.request(name, response.status);
        for (const auto& header : security_headers()) response.header.push_back(header);
        for (const auto& header : cors) response.header.push_back(header);
        if (cors.empty())
          response.header.emplace_back("Cross-Origin-Resource-Policy", "same-origin");
        reply(std::move(response));
      };
}

void Api::refuse(const Request& request, const Refusal& refusal, const Reply& reply) const {
  house_.metrics.error(refusal.code());
  finished(request, reply)(error_response(refusal));
}

void Api::handle(const Request& request, const Reply& reply) {
  try {
    gate_.check(request);
    dispatch(request, finished(request, reply));
  } catch (const Refusal& refusal) {
    refuse(request, refusal, reply);
  } catch (const Error& error) {
    refuse(request, refusal_of(error), reply);
  } catch (const std::exception& error) {
    refuse(request, Refusal(500, "internal", error.what()), reply);
  }
}

void Api::dispatch(const Request& request, const Reply& reply) {
  const std::string method = request.method == "HEAD" ? "GET" : request.method;
  std::vector<std::string> allowed;
  for (const Route& route : routes()) {
    if (!matches(route.path, request.path)) continue;
    if (route.method == method) return (this->*route.handler)(request, reply);
    allowed.push_back(route.method);
  }
  const bool file = find_asset(request.path) != nullptr;
  if (file && method == "GET") return page(request, reply);
  if (allowed.empty() && !file) throw Refusal(404, "not_found", "there is no such address");
  Response response;
  if (method == "OPTIONS") {
    response.status = 204;
  } else {
    response = error_response(
        Refusal(405, "method_not_allowed", "this address does not take " + dump(request.method)));
  }
  if (file) allowed = {"GET"};
  allowed.push_back("OPTIONS");
  response.header.emplace_back("Allow", base::joined(allowed));
  reply(std::move(response));
}

void Api::page(const Request& request, const Reply& reply) {
  Response response;
  if (gate_.token_in_query(request)) {  // so that it does not stay in the address bar
    response.status = 303;
    response.type = "text/plain; charset=utf-8";
    response.header = {{"Location", request.path},
                       {"Set-Cookie", gate_.cookie(request)},
                       {"Cache-Control", "no-store"}};
    return reply(std::move(response));
  }
  const Asset& asset = *find_asset(request.path);
  response.type = asset.type;
  response.header = {{"ETag", std::string(asset.etag)}, {"Cache-Control", "no-cache"}};
  if (request.field("if-none-match").find(asset.etag) != std::string::npos) {
    response.status = 304;
  } else {
    response.body = asset.bytes;
  }
  reply(std::move(response));
}

void Api::settings(const Request& /*request*/, const Reply& reply) {
  const StudioInfo& info = house_.studio.info();
  // Front ends of the established protocol read `properties` of both schemas.
  const json properties{{"title", {{"default", "StreamDiffusion"}}},
                        {"description", {{"default", info.model}}},
                        {"input_mode", {{"default", "image"}}},
                        {"page_content", {{"default", ""}}}};
  reply(json_response({{"info",
                        {{"title", "StreamDiffusion"},
                         {"model", info.model},
                         {"device", info.device},
                         {"dtype", info.dtype},
                         {"version", options_.version},
                         {"properties", properties}}},
                       {"input_params", house_.table.schema()},
                       {"params", house_.table.write(house_.table.defaults())},
                       {"max_queue_size", house_.limits.sessions},
                       {"page_content", ""},
                       {"concepts", info.words.concepts},
                       {"styles", info.words.styles},
                       {"colours", info.words.colors},
                       {"sample_prompt", info.sample_prompt}}));
}

void Api::queue(const Request& /*request*/, const Reply& reply) {
  reply(json_response(
      {{"queue_size", room_.active() + room_.waiting()}, {"limit", house_.limits.sessions}}));
}

void Api::txt2img(const Request& request, const Reply& reply) {
  one_image_.draw(request, true, reply);
}

void Api::img2img(const Request& request, const Reply& reply) {
  one_image_.draw(request, false, reply);
}

void Api::sessions(const Request& /*request*/, const Reply& reply) {
  reply(json_response(room_.list()));
}

void Api::session(const Request& request, const Reply& reply) {
  reply(json_response(room_.find(id_of(request))->describe()));
}

void Api::patch_session(const Request& request, const Reply& reply) {
  const auto client = room_.find(id_of(request));
  client->patch(parse_client_json(request.body, "body"));
  reply(json_response(client->settings()));
}

void Api::end_session(const Request& request, const Reply& reply) {
  room_.find(id_of(request))->end(1000, "the session was ended");
  Response response;
  response.status = 204;
  reply(std::move(response));
}

void Api::openapi(const Request& /*request*/, const Reply& reply) {
  reply(json_response(openapi_description(house_.table, options_.version)));
}

void Api::healthz(const Request& /*request*/, const Reply& reply) {
  reply(json_response({{"status", "alive"}}));
}

void Api::readyz(const Request& /*request*/, const Reply& reply) {
  const bool draining = room_.draining();
  Response response =
      json_response({{"status", draining ? "draining" : "ready"}}, draining ? 503 : 200);
  if (draining) response.header.emplace_back("Retry-After", "5");
  reply(std::move(response));
}

void Api::metrics(const Request& /*request*/, const Reply& reply) {
  room_.count();
  Response response;
  response.type = "text/plain; version=0.0.4; charset=utf-8";
  response.body = house_.metrics.text();
  reply(std::move(response));
}

}  // namespace streamdiffusion::server
