#include "media/y4m.h"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cmath>
#include <cstring>
#include <map>
#include <sstream>

#include "base/error.h"
#include "media/image_file.h"

namespace streamdiffusion::media {
namespace {

using base::ErrorCode;

constexpr std::size_t kLongestLine = 1024;

int number(const std::string& text, int lowest, int highest, const char* what) {
  int value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  base::require(error == std::errc() && end == text.data() + text.size() && value >= lowest &&
                    value <= highest,
                ErrorCode::corrupt_file, "y4m: ", what, " is \"", text, "\", expected ", lowest,
                "..", highest);
  return value;
}

void set_chroma(Y4mHeader& header, const std::string& layout) {
  static const std::map<std::string, std::pair<int, int>> kLayouts{
      {"420", {2, 2}},      {"420jpeg", {2, 2}}, {"420mpeg2", {2, 2}},
      {"420paldv", {2, 2}}, {"422", {2, 1}},     {"444", {1, 1}}};
  header.mono = layout == "mono";
  if (header.mono) return;
  const auto found = kLayouts.find(layout);
  base::require(found != kLayouts.end(), ErrorCode::unsupported, "y4m: the layout is C", layout,
                ", implemented: C420, C422, C444, Cmono with 8 bits");
  std::tie(header.chroma_x, header.chroma_y) = found->second;
}

void set_field(Y4mHeader& header, const std::string& field) {
  const std::string value = field.substr(1);
  switch (field[0]) {
    case 'W':
      header.width = number(value, 1, kMostSide, "the width");
      break;
    case 'H':
      header.height = number(value, 1, kMostSide, "the height");
      break;
    case 'C':
      set_chroma(header, value);
      break;
    case 'F': {
      const std::size_t colon = value.find(':');
      base::require(colon != std::string::npos, ErrorCode::corrupt_file,
                    "y4m: the frame rate is \"", value, "\"");
      header.rate_numerator = number(value.substr(0, colon), 0, 1 << 30, "the frame rate");
      header.rate_denominator = number(value.substr(colon + 1), 0, 1 << 30, "the frame rate");
      break;
    }
    case 'I':
      base::require(value == "p" || value == "?", ErrorCode::unsupported,
                    "y4m: the video is interlaced (I", value, "); deinterlace it first");
      break;
    case 'X':
      if (value == "COLORRANGE=FULL") header.full_range = true;
      break;
    default:
      break;  // aspect and what may come
  }
}

/// A line without its newline, or nothing at the end of the stream.
std::optional<std::string> read_line(std::FILE* stream, const std::string& name) {
  std::string line;
  for (int c = std::fgetc(stream); c != EOF; c = std::fgetc(stream)) {
    if (c == '\n') return line;
    base::require(line.size() < kLongestLine, ErrorCode::corrupt_file, name,
                  ": a header line is longer than ", kLongestLine, " bytes");
    line.push_back(static_cast<char>(c));
  }
  if (line.empty()) return std::nullopt;
  base::fail(ErrorCode::corrupt_file, name, ": ends inside a header line");
}

std::uint8_t clamp8(float value) {
  return static_cast<std::uint8_t>(std::clamp(value + 0.5F, 0.0F, 255.0F));
}

std::size_t chroma_size(const Y4mHeader& h) {
  if (h.mono) return 0;
  return static_cast<std::size_t>((h.width + h.chroma_x - 1) / h.chroma_x) *
         static_cast<std::size_t>((h.height + h.chroma_y - 1) / h.chroma_y);
}

void write_all(std::FILE* stream, const void* data, std::size_t size) {
  base::require(std::fwrite(data, 1, size, stream) == size && std::fflush(stream) == 0,
                ErrorCode::io, "standard output: cannot write: ", std::strerror(errno));
}

Image to_rgb(const Y4mHeader& h, const std::vector<std::uint8_t>& planes) {
  Image image{h.width, h.height, {}};
  const auto luma = static_cast<std::size_t>(h.width) * static_cast<std::size_t>(h.height);
  image.rgb.resize(luma * 3);
  const auto chroma_width = static_cast<std::size_t>((h.width + h.chroma_x - 1) / h.chroma_x);
  const std::uint8_t* u = planes.data() + luma;
  const std::uint8_t* v = u + chroma_size(h);
  const float y_scale = h.full_range ? 1.0F : 255.0F / 219.0F,
              c_scale = h.full_range ? 1.0F : 255.0F / 224.0F;
  const float y_zero = h.full_range ? 0.0F : 16.0F;
  for (int row = 0; row < h.height; ++row) {
    const std::uint8_t* y =
        planes.data() + static_cast<std::size_t>(row) * static_cast<std::size_t>(h.width);
    const std::size_t line = static_cast<std::size_t>(row / h.chroma_y) * chroma_width;
    std::uint8_t* out =
        image.rgb.data() + 3 * static_cast<std::size_t>(row) * static_cast<std::size_t>(h.width);
    for (int x = 0; x < h.width; ++x, out += 3) {
      const std::size_t at = line + static_cast<std::size_t>(x / h.chroma_x);
      const float l = (static_cast<float>(y[x]) - y_zero) * y_scale;
      const float cb = h.mono ? 0.0F : (static_cast<float>(u[at]) - 128.0F) * c_scale;
      const float cr = h.mono ? 0.0F : (static_cast<float>(v[at]) - 128.0F) * c_scale;
      out[0] = clamp8(l + 1.402F * cr);
      out[1] = clamp8(l - 0.344136F * cb - 0.714136F * cr);
      out[2] = clamp8(l + 1.772F * cb);
    }
  }
  return image;
}

}  // namespace

Y4mHeader parse_y4m_header(const std::string& line) {
  base::require(line.rfind("YUV4MPEG2", 0) == 0, ErrorCode::corrupt_file,
                "not a y4m stream: it begins with \"", line.substr(0, 9),
                "\", expected \"YUV4MPEG2\"");
  Y4mHeader header;
  std::istringstream fields(line.substr(9));
  for (std::string field; fields >> field;) set_field(header, field);
  base::require(header.width > 0 && header.height > 0, ErrorCode::corrupt_file,
                "y4m: the header has no size: \"", line, "\"");
  return header;
}

Y4mReader::Y4mReader(std::FILE* stream, std::string name)
    : stream_(stream), name_(std::move(name)) {
  const std::optional<std::string> line = read_line(stream_, name_);
  base::require(line.has_value(), ErrorCode::corrupt_file, name_,
                ": is empty, expected a y4m stream");
  header_ = parse_y4m_header(*line);
  planes_.resize(static_cast<std::size_t>(header_.width) *
                     static_cast<std::size_t>(header_.height) +
                 2 * chroma_size(header_));
}

std::optional<Image> Y4mReader::read() {
  const std::optional<std::string> line = read_line(stream_, name_);
  if (!line) return std::nullopt;
  base::require(line->rfind("FRAME", 0) == 0, ErrorCode::corrupt_file, name_, ": frame ", frames_,
                " begins with \"", line->substr(0, 16), "\", expected \"FRAME\"");
  const std::size_t got = std::fread(planes_.data(), 1, planes_.size(), stream_);
  base::require(got == planes_.size(), ErrorCode::corrupt_file, name_, ": frame ", frames_,
                " ends after ", got, " of ", planes_.size(), " bytes");
  ++frames_;
  return to_rgb(header_, planes_);
}

Y4mWriter::Y4mWriter(std::FILE* stream, int width, int height, int rate_numerator,
                     int rate_denominator)
    : stream_(stream), width_(width), height_(height) {
  const std::string line = base::concat("YUV4MPEG2 W", width, " H", height, " F", rate_numerator,
                                        ":", rate_denominator, " Ip A1:1 C420jpeg\n");
  write_all(stream_, line.data(), line.size());
}

void Y4mWriter::write(const Image& image) {
  base::require(image.width == width_ && image.height == height_, ErrorCode::internal,
                "y4m: the frame is ", image.width, "x", image.height, ", the stream ", width_, "x",
                height_);
  const Y4mHeader h{width_, height_};
  const auto luma = static_cast<std::size_t>(width_) * static_cast<std::size_t>(height_);
  planes_.resize(luma + 2 * chroma_size(h));
  const auto at = [&](int x, int y) {
    return image.rgb.data() + 3 * (static_cast<std::size_t>(y) * static_cast<std::size_t>(width_) +
                                   static_cast<std::size_t>(x));
  };
  for (std::size_t i = 0; i < luma; ++i) {
    const std::uint8_t* p = image.rgb.data() + 3 * i;
    planes_[i] = clamp8(16.0F + 0.256788F * p[0] + 0.504129F * p[1] + 0.097906F * p[2]);
  }
  std::uint8_t* u = planes_.data() + luma;
  std::uint8_t* v = u + chroma_size(h);
  for (int y = 0; y < height_; y += 2) {
    for (int x = 0; x < width_; x += 2) {
      float sum[3] = {0, 0, 0};
      for (const auto& [dx, dy] :
           {std::pair(0, 0), std::pair(1, 0), std::pair(0, 1), std::pair(1, 1)}) {
        const std::uint8_t* p = at(std::min(x + dx, width_ - 1), std::min(y + dy, height_ - 1));
        for (int c = 0; c < 3; ++c) sum[c] += 0.25F * static_cast<float>(p[c]);
      }
      *u++ = clamp8(128.0F - 0.148223F * sum[0] - 0.290993F * sum[1] + 0.439216F * sum[2]);
      *v++ = clamp8(128.0F + 0.439216F * sum[0] - 0.367788F * sum[1] - 0.071427F * sum[2]);
    }
  }
  write_all(stream_, "FRAME\n", 6);
  write_all(stream_, planes_.data(), planes_.size());
}

std::optional<Image> read_raw_rgb(std::FILE* stream, int width, int height, std::size_t frame) {
  Image image{width, height, {}};
  image.rgb.resize(static_cast<std::size_t>(width) * static_cast<std::size_t>(height) * 3);
  const std::size_t got = std::fread(image.rgb.data(), 1, image.rgb.size(), stream);
  if (got == 0) return std::nullopt;
  base::require(got == image.rgb.size(), ErrorCode::corrupt_file, "standard input: frame ", frame,
                " ends after ", got, " of ", image.rgb.size(), " bytes (", width, "x", height,
                " RGB)");
  return image;
}

void write_raw_rgb(std::FILE* stream, const Image& image) {
  write_all(stream, image.rgb.data(), image.rgb.size());
}

}  // namespace streamdiffusion::media
