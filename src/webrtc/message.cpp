#include "webrtc/message.h"

#include "base/error.h"

namespace streamdiffusion::webrtc {
namespace {

/// What has been read is removed once it is this long.
constexpr std::size_t kKeptBytes = std::size_t{1} << 20U;

void append_u32(std::string& out, std::size_t value) {
  for (unsigned i = 0; i < 4; ++i) out.push_back(static_cast<char>((value >> (8 * i)) & 0xffU));
}

std::size_t read_u32(std::string_view bytes) {
  std::size_t value = 0;
  for (std::size_t i = 4; i-- > 0;) {
    value = (value << 8U) | static_cast<unsigned char>(bytes[i]);
  }
  return value;
}

struct Planes {
  std::size_t luma, chroma;
  std::ptrdiff_t luma_stride, chroma_stride;
};

Planes planes_of(int width, int height) {
  const auto w = static_cast<std::size_t>(width), h = static_cast<std::size_t>(height);
  const std::size_t half = (w + 1) / 2;
  return {w * h, half * ((h + 1) / 2), width, static_cast<std::ptrdiff_t>(half)};
}

}  // namespace

std::string write_message_head(MessageKind kind, std::size_t bytes) {
  std::string head(1, static_cast<char>(kind));
  append_u32(head, bytes);
  return head;
}

std::string write_message(MessageKind kind, std::string_view body) {
  return write_message_head(kind, body.size()).append(body);
}

std::optional<Message> MessageReader::next() {
  const std::string_view rest = std::string_view(held_).substr(read_);
  if (rest.size() < kMessageHeadBytes) return std::nullopt;
  const auto kind = static_cast<unsigned char>(rest[0]);
  base::require(kind >= static_cast<unsigned char>(MessageKind::open) &&
                    kind <= static_cast<unsigned char>(MessageKind::pong),
                ErrorCode::invalid_argument, "a message is of kind ", static_cast<int>(kind),
                ", expected 1 to 11");
  const std::size_t length = read_u32(rest.substr(1));
  base::require(length <= most_bytes_, ErrorCode::invalid_argument, "a message has ", length,
                " bytes, expected at most ", most_bytes_);
  if (rest.size() - kMessageHeadBytes < length) return std::nullopt;
  Message message{MessageKind{kind}, std::string(rest.substr(kMessageHeadBytes, length))};
  read_ += kMessageHeadBytes + length;
  if (read_ == held_.size() || read_ > kKeptBytes) {
    held_.erase(0, read_);
    read_ = 0;
  }
  return message;
}

std::size_t image_bytes(int width, int height) {
  const Planes planes = planes_of(width, height);
  return planes.luma + 2 * planes.chroma;
}

std::string write_image_head(int width, int height, std::uint8_t mark) {
  std::string head;
  append_u32(head, static_cast<std::size_t>(width));
  append_u32(head, static_cast<std::size_t>(height));
  head.push_back(static_cast<char>(mark));
  return head;
}

std::uint8_t image_mark(std::string_view body) {
  return static_cast<std::uint8_t>(body[kImageHeadBytes - 1]);
}

FrameView read_image(std::string_view body, std::int64_t most_pixels) {
  base::require(body.size() >= kImageHeadBytes, ErrorCode::invalid_argument, "an image has ",
                body.size(), " bytes, expected a width, a height, a mark and planes");
  const auto width = static_cast<std::int64_t>(read_u32(body)),
             height = static_cast<std::int64_t>(read_u32(body.substr(4)));
  base::require(width >= 1 && height >= 1 && width <= most_pixels && height <= most_pixels / width,
                ErrorCode::invalid_argument, "an image is ", width, "x", height, ", expected 1 to ",
                most_pixels, " pixels");
  FrameView view;
  view.format = PixelFormat::i420;
  view.width = static_cast<int>(width);
  view.height = static_cast<int>(height);
  const std::size_t bytes = image_bytes(view.width, view.height);
  base::require(body.size() - kImageHeadBytes == bytes, ErrorCode::invalid_argument, "an image of ",
                width, "x", height, " has ", body.size() - kImageHeadBytes, " bytes, expected ",
                bytes);
  const Planes planes = planes_of(view.width, view.height);
  const auto* first = reinterpret_cast<const std::uint8_t*>(body.data() + kImageHeadBytes);
  view.planes = {first, first + planes.luma, first + planes.luma + planes.chroma};
  view.strides = {planes.luma_stride, planes.chroma_stride, planes.chroma_stride};
  return view;
}

FrameTarget image_target(std::string& body, int width, int height) {
  const Planes planes = planes_of(width, height);
  body.resize(planes.luma + 2 * planes.chroma);
  auto* first = reinterpret_cast<std::uint8_t*>(body.data());
  FrameTarget target;
  target.format = PixelFormat::i420;
  target.width = width;
  target.height = height;
  target.planes = {first, first + planes.luma, first + planes.luma + planes.chroma};
  target.strides = {planes.luma_stride, planes.chroma_stride, planes.chroma_stride};
  return target;
}

}  // namespace streamdiffusion::webrtc
