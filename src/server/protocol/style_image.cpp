#include "server/protocol/style_image.h"

#include <algorithm>

#include "base/error.h"
#include "image/resize.h"
#include "params/limits.h"
#include "server/protocol/http_error.h"
#include "server/protocol/image_codec.h"

namespace streamdiffusion::server {
namespace {

/// More than any encoder sees, so that it resizes as it would the original.
constexpr int kSide = 512;

}  // namespace

std::shared_ptr<const Image> read_style_image(std::string_view bytes, std::int64_t max_pixels,
                                              std::vector<std::string>& warnings) {
  const Image image = decode_body(bytes, max_pixels, warnings);
  const auto [shorter, longer] = std::minmax(image.width, image.height);
  if (longer / params::kMaxStyleRatio > shorter) {
    throw HttpError(400, "bad_image",
                    base::concat("the style image is ", image.width, "x", image.height,
                                 ", expected sides at most ", params::kMaxStyleRatio, " to 1"));
  }
  const int side = std::min(shorter, kSide);
  return std::make_shared<const Image>(image::central_square(ImageView(image), side));
}

}  // namespace streamdiffusion::server
