#include "server/http/api.h"

#include <nlohmann/json.hpp>

#include "base/join.h"
#include "base/percent_encode.h"
#include "server/http/assets.h"
#include "server/http/token_page.h"
#include "server/protocol/request_rules.h"

namespace streamdiffusion::server {

using json::Json;
using JsonValue = nlohmann::json;

namespace {

Response json_response(const JsonValue& body, int status = 200) {
  Response response;
  response.status = status;
  response.body = dump(body);
  response.header.emplace_back("Cache-Control", "no-store");
  return response;
}

/// "/api/sessions/{id}" -> "/api/sessions/"
std::string_view without_id(std::string_view path) {
  return path.substr(0, path.find('{'));
}

/// So many files of the page count as one request: more than it has.
constexpr double kFilesPerRequest = 100;

const Asset* find_asset(const std::string& path) {
  const std::string wanted = path == "/" ? "/index.html" : path;
  for (const Asset& asset : assets()) {
    if (asset.path == wanted) return &asset;
  }
  return nullptr;
}

/// 304 without a body if the client says that it has what this tag stands for.
Response changed_response(const Request& request, std::string_view etag, std::string_view type,
                          std::string_view body) {
  Response response;
  response.type = type;
  response.shared = true;
  response.header = {{"ETag", std::string(etag)}, {"Cache-Control", "private, no-cache"}};
  const std::string& known = request.field("if-none-match");
  if (known == "*" || known.find(etag) != std::string::npos) {
    response.status = 304;
  } else {
    response.body = body;
  }
  return response;
}

/// An address relative to the request's, since a proxy may serve it under a prefix, with the query
/// without the token.
std::string with_query(std::string address, const Request& request) {
  char separator = '?';
  for (const auto& [name, value] : request.query) {
    if (name == "token") continue;
    address += separator + base::percent_encode(name) + "=" + base::percent_encode(value);
    separator = '&';
  }
  return address;
}

/// The `route` label of the request counter: a route, "page" for all files of the page, or "none".
std::string metric_label(const Request& request) {
  for (const Route& route : Api::routes()) {
    if (matches(route, request.path)) return std::string(without_id(route.path));
  }
  return find_asset(request.path) != nullptr ? "page" : "none";
}

}  // namespace

bool matches(const Route& route, std::string_view path) {
  const std::string_view prefix = without_id(route.path);
  if (prefix.size() == route.path.size()) return path == route.path;
  return path.starts_with(prefix) && is_session_id(path.substr(prefix.size()));
}

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
         const ServerOptions& options, PeerService* peers)
    : context_(context),
      registry_(registry),
      access_(access),
      options_(options),
      peers_(peers),
      image_request_(context, registry) {}

Responder Api::responder_of(const Request& request) {
  if (request.method != "GET") return Responder::api;  // which says what is allowed
  for (const Route& route : routes()) {
    const bool here = request.path.starts_with(without_id(route.path));
    if (route.responder != Responder::api && here) return route.responder;
  }
  return Responder::api;
}

std::optional<std::size_t> Api::body_limit(const Request& request) const {
  const std::size_t message = context_.limits.message_bytes;
  for (const Route& route : routes()) {
    const bool here = route.responder == Responder::api
                          ? matches(route, request.path)
                          : request.path.starts_with(without_id(route.path));
    if (!here || route.method != request.method) continue;
    switch (route.body) {
      case RequestBody::none:
        return 0;
      case RequestBody::parameters:
      case RequestBody::text_to_image:
        return std::min(context_.limits.json_bytes, message);
      case RequestBody::image_to_image:
      case RequestBody::image:
        return message;
      case RequestBody::offer:
        return webrtc::kMaxOfferBytes;
    }
  }
  if (request.method == "GET" && find_asset(request.path) != nullptr) return 0;
  return std::nullopt;
}

double Api::cost_of(const Request& request) {
  return find_asset(request.path) != nullptr ? 1.0 / kFilesPerRequest : 1.0;
}

std::string Api::session_id_of(const Request& request) {
  for (const Route& route : routes()) {
    const std::string_view prefix = without_id(route.path);
    if (prefix.size() < route.path.size() && request.path.starts_with(prefix))
      return request.path.substr(prefix.size());
  }
  return {};
}

std::shared_ptr<ClientSession> Api::session_of(const Request& request) const {
  return registry_.find(session_id_of(request), request.owner);
}

/// Counts the response and adds the headers that every response has.
Reply Api::with_common_headers(const Request& request, const Reply& reply) const {
  return [this, reply, name = metric_label(request), cors = access_.cors(request),
          gzip = is_accepted(request.field("accept-encoding"), "gzip")](Response response) {
    context_.metrics.request(name, response.status);
    gzip_.compress(gzip, response);
    for (const auto& header : security_headers()) add_default(header, response);
    for (const auto& header : cors) response.header.push_back(header);
    if (cors.empty()) response.header.emplace_back("Cross-Origin-Resource-Policy", "same-origin");
    reply(std::move(response));
  };
}

void Api::respond_error(const Request& request, const HttpError& http_error,
                        const Reply& reply) const {
  context_.metrics.error(http_error.code());
  const bool words = http_error.status() == 401 && opens_page(request);
  with_common_headers(request, reply)(words ? token_page() : error_response(http_error));
}

void Api::handle(Request& request, const Reply& reply) {
  try {
    request.owner = access_.check(request);
    check_query(request);
    dispatch(request, with_common_headers(request, reply));
  } catch (...) {
    respond_error(request, current_http_error(), reply);
  }
}

void Api::dispatch(Request& request, const Reply& reply) {
  const std::string method = request.method == "HEAD" ? "GET" : request.method;
  std::vector<std::string> allowed;
  for (const Route& route : routes()) {
    if (!matches(route, request.path)) continue;
    const bool handled = route.handler != nullptr;  // the others take connections over
    if (handled && route.method == method) return (this->*route.handler)(request, reply);
    allowed.emplace_back(route.method);
    if (handled && allowed.back() == "GET") allowed.emplace_back("HEAD");
  }
  if (request.path == "*") allowed = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"};
  const bool file = find_asset(request.path) != nullptr;
  if (file && method == "GET") return page(request, reply);
  if (allowed.empty() && !file) throw HttpError(404, "not_found", "there is no such address");
  Response response;
  if (method == "OPTIONS") {
    response.status = 204;
    if (takes_offer(request)) response.header.emplace_back("Accept-Post", kSdpType);
  } else {
    response = error_response(HttpError(405, "method_not_allowed",
                                        "this address does not accept " + dump(request.method)));
  }
  if (file) allowed = {"GET", "HEAD"};
  allowed.push_back("OPTIONS");
  response.header.emplace_back("Allow", base::joined(allowed));
  reply(std::move(response));
}

void Api::page(Request& request, const Reply& reply) {
  Response response;
  if (access_.token_in_query(request)) {  // removes it from the address bar
    response.status = 303;
    response.type = "text/plain; charset=utf-8";
    const std::string file = request.path.substr(request.path.rfind('/') + 1);
    response.header = {{"Location", with_query("./" + file, request)},
                       {"Set-Cookie", access_.cookie(request)},
                       {"Cache-Control", "no-store"}};
    return reply(std::move(response));
  }
  const Asset& asset = *find_asset(request.path);
  reply(changed_response(request, asset.etag, asset.type, asset.bytes));
}

/// To the output page, which takes the session from the fragment; without one the newest.
void Api::view(Request& request, const Reply& reply) {
  Response response;
  response.status = 303;
  response.type = "text/plain; charset=utf-8";
  const std::string location =
      request.path == "/view"
          ? with_query("out.html", request)
          : with_query("../out.html", request) + "#" + base::percent_encode(session_id_of(request));
  response.header = {{"Location", location}, {"Cache-Control", "no-store"}};
  if (access_.token_in_query(request)) {
    response.header.emplace_back("Set-Cookie", access_.cookie(request));
  }
  reply(std::move(response));
}

/// The model that a request asks about.
std::shared_ptr<const StreamModel> Api::model_of(const Request& request) const {
  const auto name = request.query.find("model");
  if (name == request.query.end()) return context_.models.first();
  auto model = context_.models.loaded(name->second);
  if (model == nullptr) {
    throw HttpError(404, "not_found", "no model of that name is in memory", "model");
  }
  return model;
}

void Api::models(Request& /*request*/, const Reply& reply) {
  JsonValue list = JsonValue::array();
  for (const ModelCatalog::Entry& entry : context_.models.entries()) {
    list.push_back({{"name", entry.name},
                    {"bytes", entry.bytes},
                    {"loaded", context_.models.loaded(entry.name) != nullptr}});
  }
  reply(json_response({{"models", list}, {"max_loaded", context_.limits.models}}));
}

void Api::settings(Request& request, const Reply& reply) {
  const auto model = model_of(request);
  const ServedModel& info = model->factory->info();
  // Front ends of the legacy protocol read `properties` of `info` and of `input_params`.
  const JsonValue properties{{"title", {{"default", "StreamDiffusion"}}},
                             {"description", {{"default", info.model}}},
                             {"input_mode", {{"default", "image"}}},
                             {"page_content", {{"default", ""}}}};
  Response response = json_response({{"info",
                                      {{"title", "StreamDiffusion"},
                                       {"model", info.model},
                                       {"device", info.device},
                                       {"dtype", info.dtype},
                                       {"version", options_.version},
                                       {"webrtc", peers_ != nullptr},
                                       {"properties", properties}}},
                                     {"input_params", model->table.schema()},
                                     {"params", model->table.write(model->table.defaults())},
                                     {"max_queue_size", context_.limits.sessions},
                                     {"page_content", ""},
                                     {"concepts", info.words.concepts},
                                     {"styles", info.words.styles},
                                     {"colors", info.words.colors},
                                     {"sample_prompt", info.sample_prompt},
                                     {"page", JsonValue::parse(info.page_hints)}});
  response.shared = true;
  reply(std::move(response));
}

void Api::link_token(Request& request, const Reply& reply) {
  reply(json_response({{"token", access_.link_token(request.owner)}}));
}

void Api::queue(Request& /*request*/, const Reply& reply) {
  JsonValue queue{{"queue_size", registry_.active() + registry_.waiting()},
                  {"limit", context_.limits.sessions}};
  if (context_.admission.by_cost()) {
    queue["load"] = context_.admission.used();
    queue["min_fps"] = context_.limits.min_fps;
  }
  reply(json_response(queue));
}

void Api::txt2img(Request& request, const Reply& reply) {
  image_request_.handle(request, true, reply);
}

void Api::img2img(Request& request, const Reply& reply) {
  image_request_.handle(request, false, reply);
}

void Api::sessions(Request& request, const Reply& reply) {
  reply(json_response(registry_.list(request.owner)));
}

void Api::session(Request& request, const Reply& reply) {
  reply(json_response(session_of(request)->describe()));
}

void Api::patch_session(Request& request, const Reply& reply) {
  check_media_type(request, false);
  const auto session = session_of(request);
  const auto body = std::make_shared<const std::string>(std::move(request.body));
  const auto respond = [this, session, reply](const auto& make_object) {
    try {
      session->patch(make_object(), true);
      reply(json_response(session->settings()));
    } catch (...) {
      const HttpError http_error = current_http_error();
      context_.metrics.error(http_error.code());
      reply(error_response(http_error));
    }
  };
  const auto parse = [this, body, respond] {
    try {
      const Json object = parse_client_json(*body, "body");
      context_.executor.post([respond, object] { respond([&] { return object; }); });
    } catch (...) {
      context_.executor.post([respond, http_error = current_http_error()] {
        respond([&]() -> Json { throw HttpError(http_error); });
      });
    }
  };
  context_.executor.run_on_worker(WorkKind::body, parse);
}

void Api::end_session(Request& request, const Reply& reply) {
  session_of(request)->end(1000, "the session was ended");
  Response response;
  response.status = 204;
  reply(std::move(response));
}

void Api::image(Request& request, const Reply& reply) {
  const std::string id = session_id_of(request);
  const EncodedImagePtr newest =
      id.empty() ? registry_.newest_image(request.owner) : session_of(request)->newest_image();
  if (!newest) throw HttpError(404, "no_image", "there is no image yet");
  const std::string etag = base::concat('"', newest->finished.time_since_epoch().count(), '"');
  reply(changed_response(request, etag, "image/jpeg", newest->jpeg));
}

void Api::openapi(Request& /*request*/, const Reply& reply) {
  reply(json_response(openapi_description(routes(), context_.table, options_.version)));
}

void Api::healthz(Request& /*request*/, const Reply& reply) {
  reply(json_response({{"status", "alive"}}));
}

void Api::readyz(Request& /*request*/, const Reply& reply) {
  const bool draining = !registry_.accepting();
  Response response =
      json_response({{"status", draining ? "draining" : "ready"}}, draining ? 503 : 200);
  if (draining) response.header.emplace_back("Retry-After", "5");
  reply(std::move(response));
}

}  // namespace streamdiffusion::server
