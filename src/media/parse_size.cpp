// Splits at the "x" and lets base read the numbers.
#include "media/parse_size.h"

#include "base/parse_number.h"

namespace streamdiffusion::media {

std::optional<image::ImageSize> parse_size(std::string_view text) {
  const std::size_t x = text.find('x');
  if (x == std::string_view::npos) return std::nullopt;
  const auto width = base::parse_number<int>(text.substr(0, x));
  const auto height = base::parse_number<int>(text.substr(x + 1));
  if (!width || !height || *width <= 0 || *height <= 0) return std::nullopt;
  return image::ImageSize{*width, *height};
}

}  // namespace streamdiffusion::media
