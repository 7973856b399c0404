// The OpenAPI description, made from the table of routes and the table of parameters.
#include <nlohmann/json.hpp>

#include "base/lower_case.h"
#include "server/http/api.h"

namespace streamdiffusion::server {

using JsonValue = nlohmann::json;

namespace {

JsonValue content(std::string_view type, JsonValue schema) {
  JsonValue out;
  out["content"][std::string(type)]["schema"] = std::move(schema);
  return out;
}

JsonValue reference(const char* name) {
  return {{"$ref", std::string("#/components/schemas/") + name}};
}

JsonValue string_schema() {
  return {{"type", "string"}};
}

/// The parameters with the members that only /api/txt2img and /api/img2img accept.
JsonValue image_request_body(bool takes_image) {
  JsonValue members{{"format", {{"type", "string"}, {"enum", {"jpeg", "png", "webp"}}}}};
  if (takes_image) members["image"] = {{"type", "string"}, {"contentEncoding", "base64"}};
  const JsonValue object{{"type", "object"}, {"properties", members}};
  JsonValue body =
      content("application/json", {{"allOf", JsonValue::array({reference("Parameters"), object})}});
  if (takes_image) body["content"]["image/*"]["schema"] = string_schema();
  return body;
}

/// Null for a request without a body.
JsonValue request_body(RequestBody body) {
  JsonValue out;
  switch (body) {
    case RequestBody::none:
      return nullptr;
    case RequestBody::parameters:
      out = content("application/json", reference("Parameters"));
      break;
    case RequestBody::text_to_image:
    case RequestBody::image_to_image:
      out = image_request_body(body == RequestBody::image_to_image);
      break;
    case RequestBody::image:
      out = content("image/*", string_schema());
      break;
    case RequestBody::offer:
      out = content(kSdpType, string_schema());
      break;
  }
  out["required"] = true;
  return out;
}

JsonValue response(const Route& route) {
  JsonValue out = JsonValue::object();
  if (route.type == "image/*") {
    for (const char* type : {"image/jpeg", "image/png", "image/webp"}) {
      out["content"][type]["schema"] = string_schema();
    }
  } else if (!route.type.empty()) {
    out = content(route.type, route.type == "application/json" ? JsonValue{{"type", "object"}}
                                                               : string_schema());
  }
  out["description"] = route.status == 101   ? "Switching protocols"
                       : route.status == 204 ? "Done"
                                             : "Success";
  return out;
}

JsonValue operation(const Route& route) {
  JsonValue error = content("application/json", reference("Error"));
  error["description"] = "The request failed";
  JsonValue out{
      {"summary", route.summary},
      {"responses", {{std::to_string(route.status), response(route)}, {"default", error}}}};
  if (route.path.ends_with("{id}")) {
    out["parameters"].push_back(
        {{"name", "id"},
         {"in", "path"},
         {"required", true},
         {"schema", {{"type", "string"}, {"pattern", "^[A-Za-z0-9_-]{1,64}$"}}}});
  }
  for (const std::string_view name : route.query) {
    out["parameters"].push_back({{"name", name}, {"in", "query"}, {"schema", string_schema()}});
  }
  if (JsonValue body = request_body(route.body); !body.is_null())
    out["requestBody"] = std::move(body);
  return out;
}

JsonValue paths(const std::vector<Route>& routes) {
  JsonValue all;
  for (const Route& route : routes) {
    const std::string method = base::lower_case(std::string(route.method));
    all[std::string(route.path)][method] = operation(route);
  }
  return all;
}

}  // namespace

JsonValue openapi_description(const std::vector<Route>& routes, const ParameterTable& table,
                              const std::string& version) {
  JsonValue parameters = table.schema();
  parameters.erase("$schema");
  const JsonValue error{{"type", "object"},
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
          {"paths", paths(routes)},
          {"components",
           {{"schemas", {{"Parameters", parameters}, {"Error", error}}},
            {"securitySchemes",
             {{"bearer", {{"type", "http"}, {"scheme", "bearer"}}},
              {"query", {{"type", "apiKey"}, {"in", "query"}, {"name", "token"}}}}}}},
          {"security", JsonValue::array({{{"bearer", JsonValue::array()}},
                                         {{"query", JsonValue::array()}},
                                         JsonValue::object()})}};
}

}  // namespace streamdiffusion::server
