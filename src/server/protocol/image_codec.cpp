#include "server/protocol/image_codec.h"

#include <span>

#include "image/encode.h"
#include "image/image_file.h"
#include "server/protocol/http_error.h"
#include "webrtc/message.h"

namespace streamdiffusion::server {
namespace {

/// A scan of a progressive JPEG may take only a few bytes, but costs a pass over all pixels.
constexpr int kMaxScans = 64;

std::span<const std::byte> bytes_of(std::string_view text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}

/// Counts the start-of-scan markers. Compressed data never contains their two bytes.
int jpeg_scans(std::string_view bytes) {
  int scans = 0;
  for (auto at = bytes.find("\xff\xda"); at != std::string_view::npos;
       at = bytes.find("\xff\xda", at + 2)) {
    ++scans;
  }
  return scans;
}

}  // namespace

void check_image(std::string_view bytes, std::int64_t max_pixels) {
  image::ImageSize size;
  try {
    size = image::read_image_size(bytes_of(bytes), "image");
  } catch (const Error& error) {
    throw bad_image(error);
  }
  const std::int64_t pixels = std::int64_t{size.width} * size.height;
  if (size.width < 1 || size.height < 1) {
    throw HttpError(415, "bad_image", base::concat("the image is ", size.width, "x", size.height));
  }
  if (pixels > max_pixels) {
    throw HttpError(413, "too_large",
                    base::concat("the image is ", size.width, "x", size.height, ", at most ",
                                 max_pixels, " pixels are decoded"));
  }
  if (bytes.starts_with("\xff\xd8") && jpeg_scans(bytes) > kMaxScans) {
    throw HttpError(413, "too_large",
                    base::concat("the JPEG has ", jpeg_scans(bytes), " scans, at most ", kMaxScans,
                                 " are decoded"));
  }
}

Image decode_image(std::string_view bytes, std::int64_t max_pixels,
                   std::vector<std::string>& warnings) {
  const auto warn = [&warnings](const std::string& text) { warnings.push_back(text); };
  try {
    check_image(bytes, max_pixels);  // the header alone
    return image::decode_image(bytes_of(bytes), "image", {.max_pixels = max_pixels, .warn = warn});
  } catch (const HttpError& http_error) {
    base::fail(ErrorCode::invalid_argument, http_error.what());
  } catch (const Error& error) {  // whatever is wrong with it, the client can correct it
    base::fail(ErrorCode::invalid_argument, error.what());
  }
}

Image decode_body(std::string_view bytes, std::int64_t max_pixels,
                  std::vector<std::string>& warnings) {
  check_image(bytes, max_pixels);
  try {
    return decode_image(bytes, max_pixels, warnings);
  } catch (const Error& error) {
    throw bad_image(error);
  }
}

HttpError bad_image(const Error& error) {
  return {415, "bad_image", error.what()};
}

std::string encode_image(const Image& image, ImageFormat format, int quality) {
  const auto bytes = format == ImageFormat::png    ? image::encode_png(image)
                     : format == ImageFormat::webp ? image::encode_webp(image, quality)
                                                   : image::encode_jpeg(image, quality);
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

std::string write_planes(const Image& image) {
  std::string planes;
  write(image, webrtc::image_target(planes, image.width, image.height));
  return planes;
}

const char* media_type(ImageFormat format) {
  return format == ImageFormat::png    ? "image/png"
         : format == ImageFormat::webp ? "image/webp"
                                       : "image/jpeg";
}

}  // namespace streamdiffusion::server
