// The routes of the images that a session's IP-Adapters follow.
#include "server/protocol/style_image.h"

#include <nlohmann/json.hpp>

#include "server/http/api.h"
#include "server/http/image_reply.h"
#include "server/protocol/request_rules.h"

namespace streamdiffusion::server {
namespace {

void check_type(const Request& request) {
  check_media_type(request, true);
  if (request.media_type() == "application/json") {
    throw HttpError(415, "unsupported_media_type",
                    "the body is of type application/json, expected image/*");
  }
}

Response settings_of(const ClientSession& session) {
  Response response;
  response.body = dump(session.settings());
  response.header.emplace_back("Cache-Control", "no-store");
  return response;
}

}  // namespace

void Api::style_image(Request& request, const Reply& reply) {
  const auto session = session_of(request);
  const auto image =
      session->style_image(number_in_query(request, "adapter"), number_in_query(request, "image"));
  respond_later([image] { return jpeg_response(*image); }, reply);
}

void Api::take_style_image(Request& request, bool add, const Reply& reply) {
  check_type(request);
  const auto session = session_of(request);
  const std::size_t adapter = number_in_query(request, "adapter");
  session->check_style_adapter(adapter);
  const auto body = std::make_shared<const std::string>(std::move(request.body));
  const auto respond = [this, reply](const auto& make) {
    try {
      reply(make());
    } catch (...) {
      const HttpError error = current_http_error();
      context_.metrics.error(error.code());
      reply(error_response(error));
    }
  };
  const auto set = [session, adapter, add](const std::shared_ptr<const Image>& image,
                                           const std::vector<std::string>& warnings) {
    session->set_style_image(adapter, image, add, warnings);
    return settings_of(*session);
  };
  const auto read = [this, body, set, respond] {
    try {
      std::vector<std::string> warnings;
      const auto image = read_style_image(*body, context_.limits.image_pixels, warnings);
      context_.executor.post(
          [respond, set, image, warnings] { respond([&] { return set(image, warnings); }); });
    } catch (...) {
      context_.executor.post([respond, error = current_http_error()] {
        respond([&]() -> Response { throw HttpError(error); });
      });
    }
  };
  context_.executor.run_on_worker(WorkKind::body, read);
}

void Api::set_style_image(Request& request, const Reply& reply) {
  take_style_image(request, false, reply);
}

void Api::add_style_image(Request& request, const Reply& reply) {
  take_style_image(request, true, reply);
}

void Api::remove_style_images(Request& request, const Reply& reply) {
  const auto session = session_of(request);
  session->set_style_image(number_in_query(request, "adapter"), nullptr, false);
  reply(settings_of(*session));
}

}  // namespace streamdiffusion::server
