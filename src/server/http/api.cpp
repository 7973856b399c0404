#include "server/http/api.h"

#include <nlohmann/json.hpp>

#include "base/join.h"
#include "server/http/assets.h"

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

std::string session_id_of(const Request& request) {
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

/// The `route` label of the request counter: a route, "page" for all files of the page, or "none".
std::string metric_label(const Request& request) {
  for (const Api::Route& route : Api::routes()) {
    if (matches(route.path, request.path)) return route.path;
  }
  return find_asset(request.path) != nullptr ? "page" : "none";
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

Api::Api(ServerContext context, SessionRegistry& registry, const AccessControl& access,
         const ServerOptions& options)
    : context_(context),
      registry_(registry),
      access_(access),
      options_(options),
      image_request_(context, registry) {}

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

/// Counts the response and adds the headers that every response has.
Reply Api::with_common_headers(const Request& request, const Reply& reply) const {
  return
      [this, reply, name = metric_label(request), cors = access_.cors(request)](Response response) {
        context_.metrics.request(name, response.status);
        for (const auto& header : security_headers()) response.header.push_back(header);
        for (const auto& header : cors) response.header.push_back(header);
        if (cors.empty())
          response.header.emplace_back("Cross-Origin-Resource-Policy", "same-origin");
        reply(std::move(response));
      };
}

void Api::respond_error(const Request& request, const HttpError& http_error,
                        const Reply& reply) const {
  context_.metrics.error(http_error.code());
  with_common_headers(request, reply)(error_response(http_error));
}

void Api::handle(const Request& request, const Reply& reply) {
  try {
    access_.check(request);
    dispatch(request, with_common_headers(request, reply));
  } catch (const HttpError& http_error) {
    respond_error(request, http_error, reply);
  } catch (const Error& error) {
    respond_error(request, to_http_error(error), reply);
  } catch (const std::exception& error) {
    respond_error(request, HttpError(500, "internal", error.what()), reply);
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
  if (allowed.empty() && !file) throw HttpError(404, "not_found", "there is no such address");
  Response response;
  if (method == "OPTIONS") {
    response.status = 204;
  } else {
    response = error_response(HttpError(405, "method_not_allowed",
                                        "this address does not accept " + dump(request.method)));
  }
  if (file) allowed = {"GET"};
  allowed.push_back("OPTIONS");
  response.header.emplace_back("Allow", base::joined(allowed));
  reply(std::move(response));
}

void Api::page(const Request& request, const Reply& reply) {
  Response response;
  if (access_.token_in_query(request)) {  // removes it from the address bar
    response.status = 303;
    response.type = "text/plain; charset=utf-8";
    response.header = {{"Location", request.path},
                       {"Set-Cookie", access_.cookie(request)},
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
  const ServedModel& info = context_.stream_factory.info();
  // Front ends of the legacy protocol read `properties` of `info` and of `input_params`.
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
                       {"input_params", context_.table.schema()},
                       {"params", context_.table.write(context_.table.defaults())},
                       {"max_queue_size", context_.limits.sessions},
                       {"page_content", ""},
                       {"concepts", info.words.concepts},
                       {"styles", info.words.styles},
                       {"colours", info.words.colors},
                       {"sample_prompt", info.sample_prompt}}));
}

void Api::queue(const Request& /*request*/, const Reply& reply) {
  reply(json_response({{"queue_size", registry_.active() + registry_.waiting()},
                       {"limit", context_.limits.sessions}}));
}

void Api::txt2img(const Request& request, const Reply& reply) {
  image_request_.handle(request, true, reply);
}

void Api::img2img(const Request& request, const Reply& reply) {
  image_request_.handle(request, false, reply);
}

void Api::sessions(const Request& /*request*/, const Reply& reply) {
  reply(json_response(registry_.list()));
}

void Api::session(const Request& request, const Reply& reply) {
  reply(json_response(registry_.find(session_id_of(request))->describe()));
}

void Api::patch_session(const Request& request, const Reply& reply) {
  const auto session = registry_.find(session_id_of(request));
  session->patch(parse_client_json(request.body, "body"));
  reply(json_response(session->settings()));
}

void Api::end_session(const Request& request, const Reply& reply) {
  registry_.find(session_id_of(request))->end(1000, "the session was ended");
  Response response;
  response.status = 204;
  reply(std::move(response));
}

void Api::openapi(const Request& /*request*/, const Reply& reply) {
  reply(json_response(openapi_description(context_.table, options_.version)));
}

void Api::healthz(const Request& /*request*/, const Reply& reply) {
  reply(json_response({{"status", "alive"}}));
}

void Api::readyz(const Request& /*request*/, const Reply& reply) {
  const bool draining = registry_.draining();
  Response response =
      json_response({{"status", draining ? "draining" : "ready"}}, draining ? 503 : 200);
  if (draining) response.header.emplace_back("Retry-After", "5");
  reply(std::move(response));
}

void Api::metrics(const Request& /*request*/, const Reply& reply) {
  registry_.update_metrics();
  Response response;
  response.type = "text/plain; version=0.0.4; charset=utf-8";
  response.body = context_.metrics.text();
  reply(std::move(response));
}

}  // namespace streamdiffusion::server
