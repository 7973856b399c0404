// Raw video on pipes: YUV4MPEG2 (what ffmpeg calls yuv4mpegpipe) and headerless RGB.
#pragma once

#include <cstdio>
#include <optional>
#include <string>
#include <vector>

#include "streamdiffusion/image.h"

namespace streamdiffusion::media {

/// Geometry of a y4m stream. Eight bits a sample, progressive.
struct Y4mHeader {
  int width = 0, height = 0;
  int rate_numerator = 25, rate_denominator = 1;
  int chroma_x = 2, chroma_y = 2;  ///< Luma samples a chroma sample covers.
  bool mono = false;
  bool full_range = false;  ///< 0..255 instead of 16..235.
};

/// Parses the first line, without its newline. Throws corrupt_file, or unsupported for a layout it
/// does not know.
Y4mHeader parse_y4m_header(const std::string& line);

class Y4mReader {
 public:
  /// Reads the header. `name` is what messages call the stream.
  Y4mReader(std::FILE* stream, std::string name);
  const Y4mHeader& header() const { return header_; }
  /// The next picture, or nothing at the end. Throws corrupt_file naming the frame when the stream
  /// ends inside one.
  std::optional<Image> read();

 private:
  std::FILE* stream_;
  std::string name_;
  Y4mHeader header_;
  std::vector<std::uint8_t> planes_;
  std::size_t frames_ = 0;
};

/// Writes 4:2:0, BT.601, limited range.
class Y4mWriter {
 public:
  Y4mWriter(std::FILE* stream, int width, int height, int rate_numerator, int rate_denominator);
  /// Throws io when the reader at the other end is gone.
  void write(const Image& image);

 private:
  std::FILE* stream_;
  int width_, height_;
  std::vector<std::uint8_t> planes_;
};

/// One dense RGB picture of a known size, or nothing at the end; as Y4mReader::read.
std::optional<Image> read_raw_rgb(std::FILE* stream, int width, int height, std::size_t frame);
void write_raw_rgb(std::FILE* stream, const Image& image);

}  // namespace streamdiffusion::media
