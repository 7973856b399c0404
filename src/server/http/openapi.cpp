// The OpenAPI description. The parameters come from their table, the routes are described here.
#include <nlohmann/json.hpp>

#include "server/http/api.h"

namespace streamdiffusion::server {

using nlohmann::json;

namespace {

json content(const char* type, json schema) {
  return {{"content", {{type, {{"schema", std::move(schema)}}}}}};
}

json reference(const char* name) {
  return {{"$ref", std::string("#/components/schemas/") + name}};
}

json answer(const char* description, json what = json::object()) {
  what["description"] = description;
  return what;
}

json operation(const char* summary, json responses) {
  responses["default"] = answer("What was wrong", content("application/json", reference("Error")));
  return {{"summary", summary}, {"responses", std::move(responses)}};
}

json with_id(json op) {
  op["parameters"] =
      json::array({{{"name", "id"},
                    {"in", "path"},
                    {"required", true},
                    {"schema", {{"type", "string"}, {"pattern", "^[A-Za-z0-9_-]{1,64}$"}}}}});
  return op;
}

json with_body(json op, json body) {
  body["required"] = true;
  op["requestBody"] = std::move(body);
  return op;
}

json image_operation(const char* summary, bool takes_image) {
  json extra{{"format", {{"type", "string"}, {"enum", {"jpeg", "png", "webp"}}}}};
  if (takes_image) extra["image"] = {{"type", "string"}, {"contentEncoding", "base64"}};
  json body = content("application/json",
                      {{"allOf", json::array({reference("Parameters"),
                                              {{"type", "object"}, {"properties", extra}}})}});
  if (takes_image) body["content"]["image/*"] = {{"schema", {{"type", "string"}}}};
  json image = answer("The image");
  for (const char* type : {"image/jpeg", "image/png", "image/webp"}) {
    image["content"][type] = {{"schema", {{"type", "string"}}}};
  }
  return with_body(operation(summary, {{"200", image}}), body);
}

json paths() {
  const json object = content("application/json", {{"type", "object"}});
  const json text = content("text/plain", {{"type", "string"}});
  const auto get = [](json op) { return json{{"get", std::move(op)}}; };
  json all;
  all["/api/settings"] =
      get(operation("What this server draws with, its parameters and their schema",
                    {{"200", answer("", object)}}));
  all["/api/queue"] = get(operation("Clients that are in or wait", {{"200", answer("", object)}}));
  all["/api/ws/{id}"] =
      get(with_id(operation("A WebSocket; with ?frames=binary images in both directions",
                            {{"101", answer("See docs/protocol.md")}})));
  all["/api/stream/{id}"] = get(with_id(
      operation("The images of a session as MJPEG",
                {{"200", answer("Parts of type image/jpeg",
                                content("multipart/x-mixed-replace", {{"type", "string"}}))}})));
  all["/api/txt2img"] = {{"post", image_operation("An image from words", false)}};
  all["/api/img2img"] = {{"post", image_operation("An image from an image and words", true)}};
  all["/api/sessions"] =
      get(operation("All sessions with parameters and counts", {{"200", answer("", object)}}));
  all["/api/sessions/{id}"] = {
      {"get", with_id(operation("One session", {{"200", answer("", object)}}))},
      {"patch", with_body(with_id(operation("Changes parameters", {{"200", answer("", object)}})),
                          content("application/json", reference("Parameters")))},
      {"delete", with_id(operation("Ends a session", {{"204", answer("Ended")}}))}};
  all["/healthz"] = get(operation("Alive", {{"200", answer("", object)}}));
  all["/readyz"] =
      get(operation("Ready for sessions; 503 while draining", {{"200", answer("", object)}}));
  all["/metrics"] = get(operation("Prometheus", {{"200", answer("", text)}}));
  return all;
}

}  // namespace

json openapi_description(const ParameterTable& table, const std::string& version) {
  json parameters = table.schema();
  parameters.erase("$schema");
  const json error{{"type", "object"},
                   {"properties",
                    {{"error",
                      {{"type", "object"},
                       {"required", {"code", "message"}},
                       {"properties",
                        {{"code", {{"type", "string"}}},
                         {"message", {{"type", "string"}}},
                         {"param", {{"type", "string"}}}}}}}}}};
  return {{"openapi", "3.1.0"},
          {"info", {{"title", "StreamDiffusion"}, {"version", version}}},
          {"paths", paths()},
          {"components",
           {{"schemas", {{"Parameters", parameters}, {"Error", error}}},
            {"securitySchemes",
             {{"bearer", {{"type", "http"}, {"scheme", "bearer"}}},
              {"cookie", {{"type", "apiKey"}, {"in", "cookie"}, {"name", "token"}}},
              {"query", {{"type", "apiKey"}, {"in", "query"}, {"name", "token"}}}}}}},
          {"security", json::array({{{"bearer", json::array()}},
                                    {{"cookie", json::array()}},
                                    {{"query", json::array()}},
                                    json::object()})}};
}

}  // namespace streamdiffusion::server
