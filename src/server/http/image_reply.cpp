#include "server/http/image_reply.h"

#include <nlohmann/json.hpp>

#include "base/parse_number.h"
#include "server/protocol/http_error.h"
#include "server/protocol/image_codec.h"
#include "server/protocol/messages.h"

namespace streamdiffusion::server {
namespace {

constexpr int kQuality = 85;

}  // namespace

std::size_t number_in_query(const Request& request, const char* name) {
  const auto given = request.query.find(name);
  if (given == request.query.end()) return 0;
  const auto number = base::parse_number<std::size_t>(given->second);
  if (!number) {
    throw HttpError(400, "bad_request",
                    std::string(name) + " is " + dump(nlohmann::json(given->second)) +
                        ", expected a number, counted from 0",
                    name);
  }
  return *number;
}

Response jpeg_response(const Image& image) {
  Response response;
  response.type = media_type(ImageFormat::jpeg);
  response.body = encode_image(image, ImageFormat::jpeg, kQuality);
  response.header.emplace_back("Cache-Control", "no-store");
  return response;
}

}  // namespace streamdiffusion::server
