// The newest buffer is held until it is read or a newer one comes, so that an image that nobody
// reads is not copied.
#include "media/pipewire/node_reader.h"

#include <spa/buffer/meta.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <map>
#include <utility>

#include "base/error.h"
#include "image/image_file.h"

namespace streamdiffusion::media {
namespace {

using base::ErrorCode;

constexpr std::size_t kPodBytes = 2048;
constexpr std::uint32_t kPixelBytes = 4;

/// A screen is opaque: what some desktops leave in the place of alpha means nothing.
const std::map<std::uint32_t, AVPixelFormat>& screen_formats() {
  static const std::map<std::uint32_t, AVPixelFormat> formats{
      {SPA_VIDEO_FORMAT_BGRx, AV_PIX_FMT_BGR0},
      {SPA_VIDEO_FORMAT_BGRA, AV_PIX_FMT_BGR0},
      {SPA_VIDEO_FORMAT_RGBx, AV_PIX_FMT_RGB0},
      {SPA_VIDEO_FORMAT_RGBA, AV_PIX_FMT_RGB0}};
  return formats;
}

/// Any size and rate. Without a modifier, so that no DMA-BUF is offered.
const spa_pod* wanted_formats(spa_pod_builder& b) {
  const spa_rectangle usual{1920, 1080}, least{1, 1}, most{image::kMaxSide, image::kMaxSide};
  const spa_fraction usual_rate{25, 1}, least_rate{0, 1}, most_rate{1000, 1};
  return static_cast<const spa_pod*>(spa_pod_builder_add_object(
      &b, SPA_TYPE_OBJECT_Format, SPA_PARAM_EnumFormat, SPA_FORMAT_mediaType,
      SPA_POD_Id(SPA_MEDIA_TYPE_video), SPA_FORMAT_mediaSubtype, SPA_POD_Id(SPA_MEDIA_SUBTYPE_raw),
      SPA_FORMAT_VIDEO_format,
      SPA_POD_CHOICE_ENUM_Id(5, SPA_VIDEO_FORMAT_BGRx, SPA_VIDEO_FORMAT_BGRx, SPA_VIDEO_FORMAT_RGBx,
                             SPA_VIDEO_FORMAT_BGRA, SPA_VIDEO_FORMAT_RGBA),
      SPA_FORMAT_VIDEO_size, SPA_POD_CHOICE_RANGE_Rectangle(&usual, &least, &most),
      SPA_FORMAT_VIDEO_framerate,
      SPA_POD_CHOICE_RANGE_Fraction(&usual_rate, &least_rate, &most_rate)));
}

const spa_pod* wanted_memory(spa_pod_builder& b) {
  return static_cast<const spa_pod*>(spa_pod_builder_add_object(
      &b, SPA_TYPE_OBJECT_ParamBuffers, SPA_PARAM_Buffers, SPA_PARAM_BUFFERS_dataType,
      SPA_POD_CHOICE_FLAGS_Int((1 << SPA_DATA_MemPtr) | (1 << SPA_DATA_MemFd))));
}

const spa_pod* wanted_meta(spa_pod_builder& b, spa_meta_type type, std::size_t bytes) {
  return static_cast<const spa_pod*>(spa_pod_builder_add_object(
      &b, SPA_TYPE_OBJECT_ParamMeta, SPA_PARAM_Meta, SPA_PARAM_META_type, SPA_POD_Id(type),
      SPA_PARAM_META_size, SPA_POD_Int(static_cast<int>(bytes))));
}

/// Desktops send buffers without an image too, for a pointer that has moved.
bool has_image(const spa_buffer& buffer) {
  const auto* header = static_cast<const spa_meta_header*>(
      spa_buffer_find_meta_data(&buffer, SPA_META_Header, sizeof(spa_meta_header)));
  if (header != nullptr && (header->flags & SPA_META_HEADER_FLAG_CORRUPTED) != 0) return false;
  const spa_data& data = buffer.datas[0];
  return data.chunk->size > 0 &&
         (static_cast<unsigned>(data.chunk->flags) & SPA_CHUNK_FLAG_CORRUPTED) == 0;
}

/// By spa_meta_videotransform_value, which says how the image was turned: what turns it back, as
/// in EXIF.
constexpr std::array<int, 8> kOrientations{1, 6, 3, 8, 2, 5, 4, 7};
/// Of EXIF's orientations, by number: whose rows become columns, and whose images begin at the
/// right and at the bottom of the memory.
constexpr int kFirstSwapped = 5;
constexpr std::array<bool, 9> kFromRight{false, false, true, true, false, false, false, true, true};
constexpr std::array<bool, 9> kFromBelow{false, false, false, true, true, false, true, true, false};

/// A value that is not known counts as none, as in other readers.
int orientation_in(const spa_buffer& buffer) {
  const auto* turned = static_cast<const spa_meta_videotransform*>(
      spa_buffer_find_meta_data(&buffer, SPA_META_VideoTransform, sizeof(spa_meta_videotransform)));
  return turned != nullptr && turned->transform < kOrientations.size()
             ? kOrientations.at(turned->transform)
             : 1;
}

bool is_inside(std::int64_t at, std::int64_t length, std::int64_t whole) {
  return at >= 0 && length > 0 && at + length <= whole;
}

}  // namespace

NodeReader::NodeReader(std::string name, int descriptor, std::uint32_t node,
                       std::optional<ScreenPart> part)
    : name_(std::move(name)), part_(part) {
  init_pipewire();
  loop_.reset(pw_thread_loop_new("screen", nullptr));
  try {
    connect(descriptor, node);
  } catch (...) {
    close();
    throw;
  }
}

NodeReader::~NodeReader() {
  close();
}

void NodeReader::close() {
  if (loop_) pw_thread_loop_stop(loop_.get());
  if (stream_ != nullptr) pw_stream_destroy(stream_);
  if (core_ != nullptr) {
    spa_hook_remove(&core_listener_);
    pw_core_disconnect(core_);
  }
  if (context_ != nullptr) pw_context_destroy(context_);
}

void NodeReader::connect(int descriptor, std::uint32_t node) {
  const auto require = [this](bool ok, int error) {
    base::require(ok, ErrorCode::io, name_, ": the shared screen cannot be read: PipeWire says \"",
                  std::strerror(error), "\"");
  };
  if (loop_) context_ = pw_context_new(pw_thread_loop_get_loop(loop_.get()), nullptr, 0);
  const int no_context = errno;
  if (context_ == nullptr) ::close(descriptor);
  require(context_ != nullptr, no_context);
  core_ = pw_context_connect_fd(context_, descriptor, nullptr, 0);  // closes it in any case
  require(core_ != nullptr, errno);
  pw_core_add_listener(core_, &core_listener_, &kCoreEvents, this);
  stream_ = pw_stream_new(core_, "StreamDiffusion",
                          pw_properties_new(PW_KEY_MEDIA_TYPE, "Video", PW_KEY_MEDIA_CATEGORY,
                                            "Capture", PW_KEY_MEDIA_ROLE, "Screen", nullptr));
  require(stream_ != nullptr, errno);
  pw_stream_add_listener(stream_, &stream_listener_, &kEvents, this);
  std::array<std::uint8_t, kPodBytes> memory;
  spa_pod_builder builder = SPA_POD_BUILDER_INIT(memory.data(), memory.size());
  const spa_pod* formats = wanted_formats(builder);
  // Where the screen goes away, no other node may take its place.
  const int connected = pw_stream_connect(
      stream_, PW_DIRECTION_INPUT, node,
      static_cast<pw_stream_flags>(PW_STREAM_FLAG_AUTOCONNECT | PW_STREAM_FLAG_MAP_BUFFERS |
                                   PW_STREAM_FLAG_DONT_RECONNECT),
      &formats, 1);
  require(connected >= 0, -connected);
  const int started = pw_thread_loop_start(loop_.get());
  require(started >= 0, -started);
}

void NodeReader::on_state(void* self, pw_stream_state, pw_stream_state now, const char* error) {
  auto& reader = *static_cast<NodeReader*>(self);
  if (now == PW_STREAM_STATE_ERROR) reader.ended_ = error == nullptr ? "an error" : error;
  if (now == PW_STREAM_STATE_UNCONNECTED && reader.ended_.empty()) reader.ended_ = "disconnected";
}

void NodeReader::on_core_error(void* self, std::uint32_t id, int, int code, const char* text) {
  auto& reader = *static_cast<NodeReader*>(self);
  if (id != PW_ID_CORE || code != -EPIPE) return;  // of an object: the stream's state tells
  reader.error_ = base::concat("PipeWire has ended: ", text == nullptr ? "connection lost" : text);
}

void NodeReader::on_parameter(void* self, std::uint32_t id, const spa_pod* format) {
  spa_video_info_raw info = {};
  if (format == nullptr || id != SPA_PARAM_Format || spa_format_video_raw_parse(format, &info) < 0)
    return;
  static_cast<NodeReader*>(self)->agree(info);
}

void NodeReader::agree(const spa_video_info_raw& info) {
  next_format_ = info;
  std::array<std::uint8_t, kPodBytes> memory;
  spa_pod_builder builder = SPA_POD_BUILDER_INIT(memory.data(), memory.size());
  std::array<const spa_pod*, 4> wanted{
      wanted_memory(builder), wanted_meta(builder, SPA_META_Header, sizeof(spa_meta_header)),
      wanted_meta(builder, SPA_META_VideoCrop, sizeof(spa_meta_region)),
      wanted_meta(builder, SPA_META_VideoTransform, sizeof(spa_meta_videotransform))};
  pw_stream_update_params(stream_, wanted.data(), wanted.size());
}

void NodeReader::on_process(void* self) {
  auto& reader = *static_cast<NodeReader*>(self);
  while (pw_buffer* const buffer = pw_stream_dequeue_buffer(reader.stream_)) {
    pw_buffer* const old = has_image(*buffer->buffer) ? reader.newest_ : buffer;
    if (old != buffer) reader.newest_ = buffer;
    if (old != nullptr) pw_stream_queue_buffer(reader.stream_, old);
  }
}

/// Buffers of a new format come when all of the old one are gone; until then, the old one counts.
void NodeReader::on_added(void* self, pw_buffer*) {
  auto& reader = *static_cast<NodeReader*>(self);
  reader.format_ = reader.next_format_;
}

void NodeReader::on_removed(void* self, pw_buffer* buffer) {
  auto& reader = *static_cast<NodeReader*>(self);
  if (reader.newest_ == buffer) reader.newest_ = nullptr;
}

/// A window is shown by a part of a larger image.
NodeReader::Place NodeReader::shown_in(const spa_buffer& buffer) const {
  const Place all{0, 0, format_.size.width, format_.size.height};
  const auto* crop = static_cast<const spa_meta_region*>(
      spa_buffer_find_meta_data(&buffer, SPA_META_VideoCrop, sizeof(spa_meta_region)));
  if (crop == nullptr || !spa_meta_region_is_valid(crop)) return all;
  const spa_region& region = crop->region;
  base::require(is_inside(region.position.x, region.size.width, all.width) &&
                    is_inside(region.position.y, region.size.height, all.height),
                ErrorCode::io, name_, ": the desktop shows ", region.size.width, "x",
                region.size.height, " at ", region.position.x, ",", region.position.y,
                ", which is not inside its image of ", all.width, "x", all.height);
  return {static_cast<std::uint32_t>(region.position.x),
          static_cast<std::uint32_t>(region.position.y), region.size.width, region.size.height};
}

/// The user's part is a part of what is shown, as it is when it is upright.
NodeReader::Place NodeReader::place_in(const spa_buffer& buffer, int orientation) const {
  const Place shown = shown_in(buffer);
  if (!part_) return shown;
  // Lengths along the rows and the columns of the memory.
  const bool swapped = orientation >= kFirstSwapped;
  const ScreenPart part =
      swapped ? ScreenPart{part_->y, part_->x, part_->height, part_->width} : *part_;
  base::require(
      is_inside(part.x, part.width, shown.width) && is_inside(part.y, part.height, shown.height),
      ErrorCode::invalid_argument, name_, ": the part is not inside what is shared, of ",
      swapped ? shown.height : shown.width, "x", swapped ? shown.width : shown.height);
  Place place{static_cast<std::uint32_t>(part.x), static_cast<std::uint32_t>(part.y),
              static_cast<std::uint32_t>(part.width), static_cast<std::uint32_t>(part.height)};
  if (kFromRight.at(orientation)) place.x = shown.width - place.x - place.width;
  if (kFromBelow.at(orientation)) place.y = shown.height - place.y - place.height;
  place.x += shown.x;
  place.y += shown.y;
  return place;
}

NodeImage NodeReader::copy(const spa_buffer& buffer) const {
  const auto known = screen_formats().find(format_.format);
  base::require(known != screen_formats().end(), ErrorCode::io, name_,
                ": PipeWire gives the pixel format ", static_cast<int>(format_.format),
                ", expected BGRx, RGBx, BGRA or RGBA");
  image::check_image_size(format_.size.width, format_.size.height, name_);
  const spa_data& data = buffer.datas[0];
  const std::int64_t row = static_cast<std::int64_t>(format_.size.width) * kPixelBytes;
  const std::int64_t stride = data.chunk->stride != 0 ? data.chunk->stride : row;
  const std::int64_t offset = data.maxsize > 0 ? data.chunk->offset % data.maxsize : 0;
  const std::int64_t needed = offset + stride * (format_.size.height - 1) + row;
  base::require(data.data != nullptr && stride >= row && needed <= data.maxsize, ErrorCode::io,
                name_, ": PipeWire gives an image of ", data.maxsize, " bytes with rows of ",
                stride, ", expected ", needed, " in shared memory with rows of ", row, " at least");
  const int orientation = orientation_in(buffer);
  const Place place = place_in(buffer, orientation);
  AvFrame frame(av_frame_alloc());
  if (!frame) throw std::bad_alloc();
  frame->format = known->second;
  frame->width = static_cast<int>(place.width);
  frame->height = static_cast<int>(place.height);
  if (av_frame_get_buffer(frame.get(), 0) < 0) throw std::bad_alloc();
  const auto* from = static_cast<const std::uint8_t*>(data.data) + offset + stride * place.y +
                     static_cast<std::int64_t>(place.x) * kPixelBytes;
  for (std::uint32_t y = 0; y < place.height; ++y) {
    std::memcpy(frame->data[0] + static_cast<std::ptrdiff_t>(y) * frame->linesize[0],
                from + stride * y, static_cast<std::size_t>(place.width) * kPixelBytes);
  }
  return {std::move(frame), orientation};
}

std::optional<NodeImage> NodeReader::take() {
  const LoopLock lock(loop_);
  base::require(error_.empty(), ErrorCode::io, name_, ": ", error_);
  if (newest_ == nullptr) return std::nullopt;
  NodeImage image = copy(*newest_->buffer);
  pw_stream_queue_buffer(stream_, std::exchange(newest_, nullptr));
  return image;
}

std::string NodeReader::ended() const {
  const LoopLock lock(loop_);
  return ended_;
}

const pw_stream_events NodeReader::kEvents = [] {
  pw_stream_events events = {};
  events.version = PW_VERSION_STREAM_EVENTS;
  events.state_changed = on_state;
  events.param_changed = on_parameter;
  events.process = on_process;
  events.add_buffer = on_added;
  events.remove_buffer = on_removed;
  return events;
}();

const pw_core_events NodeReader::kCoreEvents = [] {
  pw_core_events events = {};
  events.version = PW_VERSION_CORE_EVENTS;
  events.error = on_core_error;
  return events;
}();

}  // namespace streamdiffusion::media
