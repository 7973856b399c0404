#include "server/http/image_input.h"

#include <nlohmann/json.hpp>

#include "server/protocol/messages.h"
#include "server/protocol/request_rules.h"
#include "server/protocol/style_image.h"

namespace streamdiffusion::server {

using json::Json;

namespace {

/// The body's object without the members that are not parameters.
nlohmann::json parameters_only(std::string_view body) {
  // It cannot fail: parse_client_json() accepted this body.
  nlohmann::json object = nlohmann::json::parse(body, nullptr, false);
  object.erase("format");
  object.erase("image");
  return object;
}

ImageFormat format_of(const std::string& name) {
  if (name == "jpeg" || name == "jpg") return ImageFormat::jpeg;
  if (name == "png") return ImageFormat::png;
  if (name == "webp") return ImageFormat::webp;
  throw HttpError(400, "bad_request", "format is " + dump(name) + ", expected jpeg, png or webp",
                  "format");
}

std::string decoded(const std::string& base64, const char* name, const char* param) {
  auto image = base64_decode(base64);
  if (!image) {
    throw HttpError(400, "bad_request",
                    std::string(name) + " is not base64, expected an image's bytes", param);
  }
  return *std::move(image);
}

void read_json_body(const Request& request, bool text_to_image, const ParameterTable& table,
                    const Limits& limits, ImageInput& input) {
  for (const auto& [name, value] : request.query) {
    if (name == "token") continue;
    throw HttpError(400, "bad_request",
                    "the address has " + dump(name) + ", expected it in the body's JSON", name);
  }
  const Json body = parse_client_json(request.body, "body");
  if (!body.is(Json::Kind::object)) {
    throw_bad_request("the body is ", body.found(), ", expected an object");
  }
  const char* param = "format";
  try {
    if (const auto format = body.find("format")) input.format = format_of(format->string());
    param = "image";
    if (text_to_image && body.find("image")) {
      throw HttpError(400, "bad_request",
                      "there is an image, which text-to-image has no use for; "
                      "/api/img2img follows one",
                      "image");
    }
    if (!text_to_image) input.image = decoded(body.at("image").string(), "image", "image");
  } catch (const Error& error) {
    throw HttpError(400, "bad_request", error.what(), param);
  }
  const std::string parameters = dump(parameters_only(request.body));
  const auto read_style = [&](const std::string& text, std::vector<std::string>& warnings) {
    return read_style_image(decoded(text, "style_image", "image_prompts"), limits.image_pixels,
                            warnings);
  };
  input.parameters =
      table.apply(parse_client_json(parameters, "body"), input.parameters, read_style);
}

}  // namespace

ImageInput read_image_input(const Request& request, bool text_to_image, const ParameterTable& table,
                            const Limits& limits) {
  ImageInput input;
  check_media_type(request, !text_to_image);
  const std::string mode = text_to_image ? R"({"mode": "txt2img"})" : R"({"mode": "img2img"})";
  input.parameters = table.apply(parse_client_json(mode, "mode"), table.defaults());
  if (request.media_type().starts_with("image/")) {
    input.parameters = table.apply(request.query, {"token", "format"}, input.parameters);
    const auto format = request.query.find("format");
    if (format != request.query.end()) input.format = format_of(format->second);
    input.image = request.body;
  } else {
    read_json_body(request, text_to_image, table, limits, input);
  }
  if (input.parameters.live.options.text_to_image != text_to_image) {
    throw HttpError(400, "bad_request",
                    std::string("mode is not that of this address, expected ") +
                        (text_to_image ? "txt2img" : "img2img"),
                    "mode");
  }
  if (!text_to_image) check_image(input.image, limits.image_pixels);
  return input;
}

}  // namespace streamdiffusion::server
