// Reads the body of POST /api/txt2img and /api/img2img. Runs on a worker: a body may be large.
#pragma once

#include <string>

#include "server/parameters.h"
#include "server/protocol/http.h"
#include "server/protocol/image_codec.h"

namespace streamdiffusion::server {

struct ImageInput {
  Parameters parameters;
  /// Of the response.
  ImageFormat format = ImageFormat::jpeg;
  /// Encoded; checked by its header. Empty for text to image.
  std::string image;
};

/// Throws HttpError for an invalid request.
ImageInput read_image_input(const Request& request, bool text_to_image, const ParameterTable& table,
                            const Limits& limits);

}  // namespace streamdiffusion::server
