// Recognizes an image format by its magic bytes and calls the codec.
#include "image/image_file.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <fstream>

#include "base/error.h"
#include "base/input_file.h"
#include "image/codecs.h"
#include "image/file.h"
#include "image/resize.h"

namespace streamdiffusion::image {
namespace {

using base::ErrorCode;

constexpr int kJpegQuality = 92;
constexpr std::uint64_t kMaxFileBytes = std::uint64_t{1} << 30;

bool starts_with(std::span<const std::byte> bytes, std::initializer_list<unsigned> magic) {
  return bytes.size() >= magic.size() &&
         std::equal(magic.begin(), magic.end(), bytes.begin(),
                    [](unsigned a, std::byte b) { return a == std::to_integer<unsigned>(b); });
}

bool is_webp(std::span<const std::byte> bytes) {
  return starts_with(bytes, {'R', 'I', 'F', 'F'}) && bytes.size() >= 12 &&
         starts_with(bytes.subspan(8), {'W', 'E', 'B', 'P'});
}

[[noreturn]] void refuse_format(std::span<const std::byte> bytes, const std::string& name) {
  base::fail(bytes.empty() ? ErrorCode::corrupt_file : ErrorCode::unsupported, name,
             bytes.empty() ? ": the file is empty" : ": neither a PNG, a JPEG nor a WebP image");
}

std::string lower_extension(const std::filesystem::path& path) {
  std::string text = path.extension().string();
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return std::tolower(c); });
  return text;
}

}  // namespace

void check_image_size(std::int64_t width, std::int64_t height, const std::string& name) {
  base::require(width > 0 && height > 0, ErrorCode::corrupt_file, name, ": the image is ", width,
                "x", height);
  base::require(width <= kMaxSide && height <= kMaxSide && width * height <= kMaxPixels,
                ErrorCode::unsupported, name, ": the image is ", width, "x", height, ", at most ",
                kMaxSide, " a side and ", kMaxPixels, " pixels are decoded");
}

Image decode_image(std::span<const std::byte> bytes, const std::string& name) {
  if (starts_with(bytes, {0x89, 'P', 'N', 'G'})) return decode_png(bytes, name);
  if (starts_with(bytes, {0xff, 0xd8, 0xff})) return decode_jpeg(bytes, name);
  if (is_webp(bytes)) return decode_webp(bytes, name);
  refuse_format(bytes, name);
}

ImageSize read_image_size(std::span<const std::byte> bytes, const std::string& name) {
  if (starts_with(bytes, {0x89, 'P', 'N', 'G'})) return read_png_size(bytes, name);
  if (starts_with(bytes, {0xff, 0xd8, 0xff})) return read_jpeg_size(bytes, name);
  if (is_webp(bytes)) return read_webp_size(bytes, name);
  refuse_format(bytes, name);
}

Image read_image(const std::filesystem::path& path) {
  return decode_image(base::read_file(path, kMaxFileBytes), path.string());
}

bool is_image_name(const std::filesystem::path& path) {
  const std::string text = lower_extension(path);
  return text == ".png" || text == ".jpg" || text == ".jpeg";
}

void write_image(const std::filesystem::path& path, ImageView image) {
  base::require(is_image_name(path), ErrorCode::invalid_argument, path.string(),
                ": images are written as .png, .jpg or .jpeg");
  const Image pixels = copy(image);
  write_file(path, lower_extension(path) == ".png" ? encode_png(pixels)
                                                   : encode_jpeg(pixels, kJpegQuality));
}

void write_file(const std::filesystem::path& path, std::span<const std::byte> bytes) {
  std::filesystem::path temporary = path;
  temporary += ".part" + std::to_string(::getpid());
  std::ofstream out(temporary, std::ios::binary);
  out.write(reinterpret_cast<const char*>(bytes.data()),
            static_cast<std::streamsize>(bytes.size()));
  out.close();
  std::error_code error;
  if (out) std::filesystem::rename(temporary, path, error);
  if (out && !error) return;
  const std::string reason = error ? error.message() : std::strerror(errno);
  std::filesystem::remove(temporary, error);
  base::fail(ErrorCode::io, path.string(), ": cannot write: ", reason);
}

}  // namespace streamdiffusion::image
