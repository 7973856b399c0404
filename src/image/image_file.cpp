// Recognizes an image format by its magic bytes and calls the codec.
#include "image/image_file.h"

#include <webp/decode.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <memory>

#include "base/file_writer.h"
#include "base/git_lfs.h"
#include "base/log.h"
#include "base/lower_case.h"
#include "image/codecs.h"
#include "image/image_format.h"
#include "image/jpeg_markers.h"
#include "image/png_chunks.h"
#include "image/resize.h"

namespace streamdiffusion::image {
namespace {

using base::ErrorCode;

constexpr int kJpegQuality = 92, kWebpQuality = 90;
constexpr const char* kWritten = ".png, .jpg, .jpeg or .webp";

[[noreturn]] void refuse_format(std::span<const std::byte> bytes, const std::string& name) {
  base::require(!bytes.empty(), ErrorCode::corrupt_file, name, ": the file is empty");
  base::refuse_lfs_pointer(bytes, name);
  const char* other = name_of_other_format(bytes);
  base::require(other == nullptr, ErrorCode::unsupported, name, ": ", other == nullptr ? "" : other,
                ", expected a PNG, a JPEG or a WebP image");
  base::fail(ErrorCode::unsupported, name, ": neither a PNG, a JPEG nor a WebP image");
}

std::string lower_extension(const std::filesystem::path& path) {
  return base::lower_case(path.extension().string());
}

std::optional<ImageSize> png_size(std::span<const std::byte> bytes, const std::string& name) {
  const auto chunks = read_png_chunks(bytes, PngPart::before_pixels);
  if (!chunks || chunks->width > INT32_MAX || chunks->height > INT32_MAX) return std::nullopt;
  refuse_animation(chunks->frames, "PNG", name);
  return ImageSize{static_cast<int>(chunks->width), static_cast<int>(chunks->height)};
}

std::optional<ImageSize> webp_size(std::span<const std::byte> bytes, const std::string& name) {
  WebPBitstreamFeatures features;
  if (WebPGetFeatures(reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size(),
                      &features) != VP8_STATUS_OK) {
    return std::nullopt;
  }
  base::require(features.has_animation == 0, ErrorCode::unsupported, name,
                ": an animated WebP, expected a still image");
  return ImageSize{features.width, features.height};
}

std::vector<std::byte> encode_as(const std::string& extension, const Image& image) {
  if (extension == ".webp") return encode_webp(image, kWebpQuality);
  const bool jpeg = extension == ".jpg" || extension == ".jpeg";
  return jpeg ? encode_jpeg(image, kJpegQuality) : encode_png(image);
}

}  // namespace

void Encoded::warn_text(const std::string& message) const {
  options.warn ? options.warn(message) : base::warn(message);
}

void check_image_size(std::int64_t width, std::int64_t height, const std::string& name,
                      std::int64_t max_pixels) {
  base::require(width > 0 && height > 0, ErrorCode::corrupt_file, name, ": the image is ", width,
                "x", height, ", expected at least 1x1");
  const std::int64_t most = std::min(max_pixels, kMaxPixels);
  base::require(width <= kMaxSide && height <= kMaxSide && width * height <= most,
                ErrorCode::unsupported, name, ": the image is ", width, "x", height, ", at most ",
                kMaxSide, " a side and ", most, " pixels are decoded");
}

void refuse_animation(std::uint32_t frames, const char* format, const std::string& name) {
  base::require(frames <= 1, ErrorCode::unsupported, name, ": an animated ", format, " of ", frames,
                " frames, expected a still image");
}

void blend_with_white(const std::uint8_t* rgba, std::size_t pixels, std::uint8_t* rgb) {
  for (std::size_t i = 0; i < pixels; ++i) {
    const unsigned alpha = rgba[4 * i + 3];
    for (std::size_t c = 0; c < 3; ++c) {
      rgb[3 * i + c] =
          static_cast<std::uint8_t>((rgba[4 * i + c] * alpha + 255 * (255 - alpha) + 127) / 255);
    }
  }
}

Image decode_image(std::span<const std::byte> bytes, const std::string& name,
                   const DecodeOptions& options) {
  const Encoded file{bytes, name, options};
  switch (format_of(bytes)) {
    case Format::png:
      return decode_png(file);
    case Format::jpeg:
      return decode_jpeg(file);
    case Format::webp:
      return decode_webp(file);
    case Format::other:
      break;
  }
  refuse_format(bytes, name);
}

ImageSize read_image_size(std::span<const std::byte> bytes, const std::string& name) {
  const Format format = format_of(bytes);
  if (format == Format::other) refuse_format(bytes, name);
  const auto size = format == Format::png    ? png_size(bytes, name)
                    : format == Format::jpeg ? read_jpeg_size(bytes)
                                             : webp_size(bytes, name);
  base::require(size.has_value(), ErrorCode::corrupt_file, name,
                ": the image's header cannot be read");
  return *size;
}

/// Read and not mapped: the file may be cut short meanwhile.
std::vector<std::byte> read_image_bytes(const std::filesystem::path& path) {
  constexpr std::size_t kBlock = std::size_t{1} << 20U, kLargest = std::size_t{1} << 30U;
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(
      std::fopen(path == "-" ? "/dev/stdin" : path.c_str(), "rbe"), std::fclose);
  const auto require_no_error = [&path](bool condition) {
    base::require(condition, errno == ENOENT ? ErrorCode::not_found : ErrorCode::io, path.string(),
                  ": ", std::strerror(errno));
  };
  require_no_error(file != nullptr);
  std::vector<std::byte> bytes;
  std::size_t count = 0;
  do {
    const std::size_t before = bytes.size();
    base::require(before <= kLargest, ErrorCode::unsupported, path.string(), ": more than ",
                  kLargest, " bytes for one image");
    bytes.resize(before + kBlock);
    count = std::fread(bytes.data() + before, 1, kBlock, file.get());
    require_no_error(std::ferror(file.get()) == 0);
    bytes.resize(before + count);
  } while (count == kBlock);
  return bytes;
}

Image read_image(const std::filesystem::path& path) {
  return decode_image(read_image_bytes(path), path.string());
}

bool is_image_name(const std::filesystem::path& path) {
  const std::string text = lower_extension(path);
  return text == ".png" || text == ".jpg" || text == ".jpeg" || text == ".webp";
}

bool has_image_content(const std::filesystem::path& path) {
  std::array<char, 16> first{};
  std::ifstream file(path, std::ios::binary);
  file.read(first.data(), first.size());
  const auto count = static_cast<std::size_t>(file.gcount());
  const auto bytes = std::as_bytes(std::span(first).first(count));
  return format_of(bytes) != Format::other || is_other_still(bytes);
}

void check_image_name(const std::filesystem::path& path) {
  base::require(is_image_name(path) || base::is_stream(path), ErrorCode::invalid_argument,
                path.string(), ": images are written as ", kWritten);
}

void write_image(const std::filesystem::path& path, ImageView image,
                 const std::filesystem::path& target) {
  check_image_name(path);
  std::vector<std::byte> bytes;
  try {
    bytes = encode_as(lower_extension(path), to_image(image));
  } catch (const Error& error) {
    base::fail(error.code(), path.string(), ": ", error);
  }
  base::write_file(target.empty() ? path : target, bytes);
}

}  // namespace streamdiffusion::image
