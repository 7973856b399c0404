#include "media/read_errors.h"

#include <algorithm>
#include <string_view>

#include "base/error.h"
#include "base/printable.h"

namespace streamdiffusion::media {
namespace {

/// What libav has read last, from `begin` on, as far as its buffer still holds it.
std::string_view read_since(const AVIOContext& io, std::int64_t begin, std::int64_t end) {
  const std::int64_t count = std::min<std::int64_t>(end - begin, io.buf_ptr - io.buffer);
  if (count <= 0) return {};
  return {reinterpret_cast<const char*>(io.buf_ptr - count), static_cast<std::size_t>(count)};
}

/// Of y4m: a frame begins with a line of its own, and has the size that the header says.
std::string why_no_frame_begins(AVIOContext& io, std::int64_t packet_end) {
  constexpr std::size_t kShown = 16;
  const std::int64_t end = avio_tell(&io);
  std::string_view line = read_since(io, std::max<std::int64_t>(packet_end, 0), end);
  if (packet_end < 0) line.remove_prefix(std::min(line.find('\n'), line.size() - 1) + 1);
  line = line.substr(0, line.find('\n'));
  return base::concat("begins with \"", base::printable(line.substr(0, kShown)),
                      line.size() > kShown ? "…" : "",
                      "\", expected the line FRAME; is the size that the header of this y4m says "
                      "that of the frames?");
}

}  // namespace

std::string why_reading_stops(const AVFormatContext& input, std::int64_t packet_end) {
  if (input.pb == nullptr) return {};
  const std::string_view format = input.iformat->name;
  if (format == "yuv4mpegpipe") return why_no_frame_begins(*input.pb, packet_end);
  const bool fixed = (input.pb->seekable & AVIO_SEEKABLE_NORMAL) == 0;
  if (format.starts_with("mov,") && fixed && packet_end < 0) {
    return "the index (moov) of this MP4 stands behind its images, where it cannot be gone back to "
           "them; expected the index first: write it with ffmpeg's -movflags +faststart, or give a "
           "file";
  }
  return {};
}

std::string what_it_means(const std::string& line) {
  if (line.find("moov atom not found") == std::string::npos) return {};
  return ": its end, where the index (moov) stands, is missing; it is cut off, or was never "
         "finished";
}

}  // namespace streamdiffusion::media
