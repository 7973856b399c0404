#include "media/read_errors.h"

#include <algorithm>
#include <iterator>
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

/// Where what libav has read ends, used or not.
std::int64_t end_of_read(AVIOContext& io) {
  return avio_tell(&io) + (io.buf_end - io.buf_ptr);
}

/// The last `count` bytes of what has been read to its end, or fewer, where libav's buffer does not
/// hold more and cannot be gone back.
std::string last_bytes(AVIOContext& io, std::int64_t count) {
  const std::int64_t end = end_of_read(io);
  count = std::min(count, end);
  const std::int64_t held = std::min<std::int64_t>(count, io.buf_end - io.buffer);
  std::string bytes(io.buf_end - held, io.buf_end);
  if (held == count || (io.seekable & AVIO_SEEKABLE_NORMAL) == 0) return bytes;
  std::string all(static_cast<std::size_t>(count), '\0');
  if (avio_seek(&io, end - count, SEEK_SET) < 0) return bytes;
  const int got =
      avio_read(&io, reinterpret_cast<unsigned char*>(all.data()), static_cast<int>(all.size()));
  return got == static_cast<int>(all.size()) ? all : bytes;
}

/// Of GIF: behind the last whole frame comes the byte that ends an animation.
std::string why_gif_is_cut(AVIOContext& io, std::int64_t packet_end) {
  constexpr std::int64_t kLongestRest = 1 << 24;
  const std::int64_t rest =
      std::min(end_of_read(io) - std::max<std::int64_t>(packet_end, 0), kLongestRest);
  const std::string bytes = rest > 0 ? last_bytes(io, rest) : std::string();
  if (std::ssize(bytes) == rest && bytes.starts_with(';')) return {};
  return "ends early: the byte that ends a GIF is missing";
}

/// Of Ogg (RFC 3533): a page has 27 bytes, as many lengths as the last of them says, and what those
/// are the lengths of.
std::string why_ogg_is_cut(AVIOContext& io) {
  constexpr std::size_t kHeader = 27, kLargestPage = kHeader + 255 + 255 * 255;
  const std::string bytes = last_bytes(io, 2 * kLargestPage);
  std::size_t page = bytes.find("OggS");
  while (page != std::string::npos) {
    std::size_t end = page + kHeader;
    if (end <= bytes.size()) {
      const std::size_t lengths = static_cast<unsigned char>(bytes[end - 1]);
      const std::string_view sizes = std::string_view(bytes).substr(end, lengths);
      end += lengths;
      for (const char size : sizes) end += static_cast<unsigned char>(size);
    }
    if (end == bytes.size()) return {};
    if (end > bytes.size()) {
      return base::concat("ends early, ", bytes.size() - page, " bytes into a page of Ogg");
    }
    page = bytes.compare(end, 4, "OggS") == 0 ? end : bytes.find("OggS", page + 1);
  }
  return {};
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

void fail_without_frames(const std::string& name, const std::string& words, AVCodecID codec) {
  const bool no_image = words.empty() || words.find("image data not found") != std::string::npos;
  base::require(
      !no_image || codec != AV_CODEC_ID_WEBP, base::ErrorCode::unsupported, name,
      ": no frame could be decoded: libav does not read animated WebP; convert it to GIF");
  const std::string reason =
      words.empty() ? std::string("it holds no image data") : "the decoder says " + words;
  base::fail(base::ErrorCode::corrupt_file, name, ": no frame could be decoded: ", reason);
}

std::string why_it_ends_early(const AVFormatContext& input, const std::string& last_error,
                              int damaged_bytes, std::int64_t packet_end) {
  if (!last_error.empty()) return base::concat("ends early: libav says \"", last_error, '"');
  const std::string_view format = input.iformat->name;
  if (damaged_bytes >= 0 && format != "mpegts")
    return base::concat("ends early, after ", damaged_bytes, " bytes");
  if (input.pb != nullptr && format == "gif") return why_gif_is_cut(*input.pb, packet_end);
  if (input.pb != nullptr && format == "ogg") return why_ogg_is_cut(*input.pb);
  const std::int64_t read = input.pb != nullptr ? avio_tell(input.pb) : 0;
  if (format != "yuv4mpegpipe" || packet_end < 0 || read <= packet_end) return {};
  return base::concat("ends inside a frame, ", read - packet_end,
                      " bytes after the last whole one");
}

std::string what_it_means(const std::string& line) {
  if (line.find("moov atom not found") == std::string::npos) return {};
  return ": its end, where the index (moov) stands, is missing; it is cut off, or was never "
         "finished";
}

}  // namespace streamdiffusion::media
