// PNG through libpng. Its reader is given only what is needed to draw: of all other chunks, which
// may be compressed and many, it keeps nothing. A transparent image is blended with white.
#include <png.h>

#include <array>
#include <cstring>
#include <limits>

#include "image/codecs.h"
#include "image/png_chunks.h"

namespace streamdiffusion::image {
namespace {

using base::ErrorCode;

/// libpng refuses a longer chunk other than IDAT, and a larger profile. Its own default.
constexpr png_alloc_size_t kLargestChunk = 8'000'000;
/// Bytes that are read behind the last row, where the end of the compressed pixels should be. Each
/// may stand for a thousand, all of which libpng would inflate to look for that end.
constexpr std::size_t kLargestSurplus = 16'384;

/// libpng's reader. An error leaves libpng by longjmp(3): the functions that call setjmp below hold
/// nothing that needs a destructor.
struct Reader {
  png_structp png = nullptr;
  png_infop info = nullptr;
  std::span<const std::byte> left;
  std::array<char, 120> error{};
  /// Rows of all passes that libpng still has to inflate; those of the image that are finished.
  std::int64_t stored_rows = std::numeric_limits<std::int64_t>::max();
  int finished_rows = 0;
  /// Bytes read behind the last row.
  std::size_t surplus = 0;

  Reader() = default;
  ~Reader() { png_destroy_read_struct(&png, &info, nullptr); }
  bool has_surplus() const { return surplus > kLargestSurplus; }
  Reader(const Reader&) = delete;
  Reader& operator=(const Reader&) = delete;
};

void on_error(png_structp png, png_const_charp message) {
  auto* reader = static_cast<Reader*>(png_get_error_ptr(png));
  std::strncpy(reader->error.data(), message, reader->error.size() - 1);
  png_longjmp(png, 1);
}

/// Warnings are about chunks that do not matter here.
void on_warning(png_structp, png_const_charp) {}

void on_read(png_structp png, png_bytep to, std::size_t count) {
  auto* reader = static_cast<Reader*>(png_get_io_ptr(png));
  if (count > reader->left.size()) png_error(png, "the file ends early");
  if (reader->stored_rows == 0) reader->surplus += count;
  if (reader->has_surplus()) png_error(png, "there is more data than the pixels need");
  std::memcpy(to, reader->left.data(), count);
  reader->left = reader->left.subspan(count);
}

/// libpng has inflated a row.
void on_stored_row(png_structp png, png_row_infop, png_bytep) {
  --static_cast<Reader*>(png_get_io_ptr(png))->stored_rows;
}

/// How many rows the file stores: for an interlaced one those of each pass that has columns.
std::int64_t count_stored_rows(const Reader& reader) {
  const png_uint_32 width = png_get_image_width(reader.png, reader.info);
  const png_uint_32 height = png_get_image_height(reader.png, reader.info);
  if (png_get_interlace_type(reader.png, reader.info) == PNG_INTERLACE_NONE) return height;
  std::int64_t rows = 0;
  for (unsigned pass = 0; pass < PNG_INTERLACE_ADAM7_PASSES; ++pass)
    if (PNG_PASS_COLS(width, pass) > 0) rows += PNG_PASS_ROWS(height, pass);
  return rows;
}

/// Reads up to the pixels.
bool read_header(Reader& reader) {
  reader.png = png_create_read_struct(PNG_LIBPNG_VER_STRING, &reader, on_error, on_warning);
  if (reader.png == nullptr) return false;
  reader.info = png_create_info_struct(reader.png);
  if (reader.info == nullptr || setjmp(png_jmpbuf(reader.png)) != 0) return false;
  png_set_read_fn(reader.png, &reader, on_read);
  png_set_user_limits(reader.png, PNG_UINT_31_MAX, PNG_UINT_31_MAX);  // checked by the caller
  png_set_chunk_cache_max(reader.png, 1);
  png_set_chunk_malloc_max(reader.png, kLargestChunk);
  // Every optional chunk is passed over, but the profile and what the pixels need.
  png_set_keep_unknown_chunks(reader.png, PNG_HANDLE_CHUNK_NEVER, nullptr, -1);
  static constexpr png_byte kKept[] = "iCCP";
  png_set_keep_unknown_chunks(reader.png, PNG_HANDLE_CHUNK_AS_DEFAULT, kKept, 1);
  png_read_info(reader.png, reader.info);
  return true;
}

/// Asks for RGBA, of 16 bits in the machine's order where `deep`. Gives how many passes to make, or
/// 0 on an error.
int start_rows(Reader& reader, bool deep) {
  if (setjmp(png_jmpbuf(reader.png)) != 0) return 0;
  png_set_expand(reader.png);
  png_set_gray_to_rgb(reader.png);
  if (!deep) png_set_scale_16(reader.png);
  if (deep) png_set_swap(reader.png);
  png_set_add_alpha(reader.png, deep ? 0xffffU : 0xffU, PNG_FILLER_AFTER);
  png_set_read_user_transform_fn(reader.png, on_stored_row);
  reader.stored_rows = count_stored_rows(reader);
  const int passes = png_set_interlace_handling(reader.png);
  png_read_update_info(reader.png, reader.info);
  return passes;
}

/// Where rows go. One row is read over the other unless the image comes in several passes.
struct Rows {
  png_bytep data;
  std::size_t stride;
  int height, passes;
  void (*finish)(void* context, const std::uint8_t* row, int y);
  void* context;
};

png_bytep row_of(const Rows& rows, int y) {
  return rows.passes == 1 ? rows.data : rows.data + rows.stride * static_cast<std::size_t>(y);
}

void finish_row(Reader& reader, const Rows& rows) {
  const int y = reader.finished_rows++;
  rows.finish(rows.context, row_of(rows, y), y);
}

/// libpng looks for the end of the compressed pixels within the last call. Where it is stopped
/// there, all of them are in their places.
bool read_rows(Reader& reader, const Rows& rows) {
  if (setjmp(png_jmpbuf(reader.png)) != 0) {
    if (!reader.has_surplus()) return false;
    while (reader.finished_rows < rows.height) finish_row(reader, rows);
    return true;
  }
  for (int pass = 0; pass < rows.passes; ++pass) {
    for (int y = 0; y < rows.height; ++y) {
      png_read_row(reader.png, row_of(rows, y), nullptr);
      if (pass + 1 == rows.passes) finish_row(reader, rows);
    }
  }
  return true;
}

std::unique_ptr<ColorTransform> transform_of(const Reader& reader, const PngChunks& chunks,
                                             bool adobe_rgb, const PixelLayout& format,
                                             const Encoded& file) {
  std::string problem;
  std::unique_ptr<ColorTransform> transform;
  png_charp name = nullptr;
  png_bytep profile = nullptr;
  png_uint_32 size = 0;
  int method = 0;
  if (chunks.code_points) {
    transform = ColorTransform::from_code_points(chunks.code_points->primaries,
                                                 chunks.code_points->transfer, format, problem);
  } else if (chunks.has_profile) {
    if (png_get_iCCP(reader.png, reader.info, &name, &method, &profile, &size) != 0) {
      transform = ColorTransform::from_profile(std::as_bytes(std::span(profile, std::size_t{size})),
                                               format, problem);
    } else {
      problem = "its color profile cannot be read";
    }
  } else if (!chunks.is_srgb && (chunks.gamma || chunks.primaries)) {
    transform = ColorTransform::from_primaries(
        chunks.gamma, chunks.primaries.value_or(Chromaticities{}), format, problem);
  } else if (!chunks.is_srgb && adobe_rgb) {
    transform = ColorTransform::from_adobe_rgb(format, problem);
  }
  if (!problem.empty()) file.warn(problem, ", its colors are taken as sRGB");
  return transform;
}

/// Turns rows of RGBA into rows of the image.
class RowSink {
 public:
  RowSink(Image& image, const ColorTransform* transform, bool deep)
      : image_(image), transform_(transform), deep_(deep) {
    const auto width = static_cast<std::size_t>(image.width);
    if (transform != nullptr) colors_.resize(3 * width);
    if (transform != nullptr) rgba_.resize(4 * width);
  }

  static void finish(void* self, const std::uint8_t* row, int y) {
    static_cast<RowSink*>(self)->take(row, y);
  }

 private:
  void take(const std::uint8_t* row, int y) {
    const auto width = static_cast<std::size_t>(image_.width);
    std::uint8_t* to = image_.rgb.data() + 3 * width * static_cast<std::size_t>(y);
    if (transform_ == nullptr) return blend_with_white(row, width, to);
    transform_->convert(row, width, colors_.data());
    for (std::size_t i = 0; i < width; ++i) {
      std::memcpy(&rgba_[4 * i], &colors_[3 * i], 3);
      rgba_[4 * i + 3] = alpha(row, i);
    }
    blend_with_white(rgba_.data(), width, to);
  }

  std::uint8_t alpha(const std::uint8_t* row, std::size_t i) const {
    if (!deep_) return row[4 * i + 3];
    std::uint16_t value = 0;
    std::memcpy(&value, row + 8 * i + 6, sizeof value);
    return static_cast<std::uint8_t>((value * 255U + 32767U) / 65535U);
  }

  Image& image_;
  const ColorTransform* transform_;
  bool deep_;
  std::vector<std::uint8_t> colors_, rgba_;
};

[[noreturn]] void refuse(const Encoded& file, const Reader& reader) {
  base::fail(ErrorCode::corrupt_file, file.name, ": libpng says \"",
             static_cast<const char*>(reader.error.data()), "\"");
}

}  // namespace

Image decode_png(const Encoded& file) {
  const auto chunks = read_png_chunks(file.bytes, PngPart::all);
  base::require(chunks.has_value(), ErrorCode::corrupt_file, file.name,
                ": a PNG signature without a PNG header");
  Reader reader;
  reader.left = file.bytes;
  if (!read_header(reader)) refuse(file, reader);  // libpng has checked the header's checksum
  file.check_size(chunks->width, chunks->height);
  refuse_animation(chunks->frames, "PNG", file.name);
  const bool has_16_bits = png_get_bit_depth(reader.png, reader.info) == 16;
  const bool gray = (png_get_color_type(reader.png, reader.info) & PNG_COLOR_MASK_COLOR) == 0;
  const PixelLayout format{gray ? PixelLayout::Colors::gray : PixelLayout::Colors::rgb, 4,
                           has_16_bits ? 2 : 1};
  const PngMetadata metadata = read_metadata(*chunks);
  const auto transform = transform_of(reader, *chunks, metadata.exif.adobe_rgb, format, file);
  const bool deep = has_16_bits && transform != nullptr;
  const int passes = start_rows(reader, deep);
  if (passes == 0) refuse(file, reader);
  Image image{static_cast<int>(chunks->width), static_cast<int>(chunks->height), {}};
  image.rgb.resize(3 * static_cast<std::size_t>(image.width) *
                   static_cast<std::size_t>(image.height));
  const std::size_t stride = png_get_rowbytes(reader.png, reader.info);
  std::vector<std::uint8_t> pixels(passes == 1 ? stride
                                               : stride * static_cast<std::size_t>(image.height));
  RowSink sink(image, transform.get(), deep);
  if (!read_rows(reader, {pixels.data(), stride, image.height, passes, RowSink::finish, &sink})) {
    refuse(file, reader);
  }
  if (reader.has_surplus()) file.warn("holds more data than its pixels need; the rest is not read");
  if (!chunks->ended) file.warn("the file ends early; all of its pixels are there");
  return make_upright(std::move(image), metadata.exif, std::as_bytes(std::span(metadata.xmp)));
}

std::vector<std::byte> encode_png(const Image& image) {
  png_image png{};
  png.version = PNG_IMAGE_VERSION;
  png.width = static_cast<png_uint_32>(image.width);
  png.height = static_cast<png_uint_32>(image.height);
  png.format = PNG_FORMAT_RGB;
  png.flags = PNG_IMAGE_FLAG_FAST;
  std::vector<std::byte> bytes(PNG_IMAGE_PNG_SIZE_MAX(png));
  png_alloc_size_t size = bytes.size();
  const bool written =
      png_image_write_to_memory(&png, bytes.data(), &size, 0, image.rgb.data(), 0, nullptr) != 0;
  png_image_free(&png);
  base::require(written, ErrorCode::internal, "libpng says \"", png.message, "\"");
  bytes.resize(size);
  return bytes;
}

}  // namespace streamdiffusion::image
