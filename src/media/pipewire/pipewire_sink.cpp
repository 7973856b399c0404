// The camera is a stream that drives its graph: each new image starts a cycle, in which PipeWire's
// thread copies it into a buffer of the readers.
#include "media/pipewire_sink.h"

#include <pipewire/pipewire.h>
#include <spa/param/video/format-utils.h>

#include <array>
#include <cstring>
#include <map>

#include "base/error.h"
#include "media/pipewire/loop.h"
#include "streamdiffusion/frame.h"

namespace streamdiffusion::media {
namespace {

using base::ErrorCode;

constexpr int kFewBuffers = 2, kBuffers = 4, kManyBuffers = 16;
constexpr std::size_t kParameterBytes = 1024;

const std::map<std::uint32_t, PixelFormat> kFormats{{SPA_VIDEO_FORMAT_BGRx, PixelFormat::bgrx},
                                                    {SPA_VIDEO_FORMAT_RGBx, PixelFormat::rgbx},
                                                    {SPA_VIDEO_FORMAT_RGB, PixelFormat::rgb},
                                                    {SPA_VIDEO_FORMAT_NV12, PixelFormat::nv12},
                                                    {SPA_VIDEO_FORMAT_I420, PixelFormat::i420}};

[[noreturn]] void refuse(int error) {
  base::fail(ErrorCode::io, "pipewire: no PipeWire can be reached: ", std::strerror(error),
             "; it runs in a desktop session, which XDG_RUNTIME_DIR leads to");
}

/// How an image lies in one buffer: its planes one after another.
struct Layout {
  PixelFormat format = PixelFormat::bgrx;
  int width = 0, height = 0;

  bool planar() const { return format == PixelFormat::nv12 || format == PixelFormat::i420; }
  int stride() const {
    if (planar()) return (width + 1) / 2 * 2;
    return (format == PixelFormat::rgb ? 3 : 4) * width;
  }
  int chroma_rows() const { return (height + 1) / 2; }
  int bytes() const { return stride() * (height + (planar() ? chroma_rows() : 0)); }

  FrameTarget target(std::uint8_t* data) const {
    FrameTarget target;
    target.format = format;
    target.width = width;
    target.height = height;
    std::uint8_t* const chroma = data + static_cast<std::ptrdiff_t>(stride()) * height;
    target.planes = {data, chroma,
                     chroma + static_cast<std::ptrdiff_t>(stride()) / 2 * chroma_rows()};
    const int chroma_stride = format == PixelFormat::i420 ? stride() / 2 : stride();
    target.strides = {stride(), chroma_stride, chroma_stride};
    return target;
  }
};

/// All formats of one size, the first preferred.
const spa_pod* offered_formats(spa_pod_builder& b, const SinkOptions& options) {
  const Rational rate = options.rate.positive() ? options.rate : kDefaultRate;
  const spa_rectangle size{static_cast<std::uint32_t>(options.width),
                           static_cast<std::uint32_t>(options.height)};
  const spa_fraction fraction{static_cast<std::uint32_t>(rate.numerator),
                              static_cast<std::uint32_t>(rate.denominator)};
  std::array<spa_pod_frame, 2> frames;
  spa_pod_builder_push_object(&b, &frames[0], SPA_TYPE_OBJECT_Format, SPA_PARAM_EnumFormat);
  spa_pod_builder_add(&b, SPA_FORMAT_mediaType, SPA_POD_Id(SPA_MEDIA_TYPE_video),
                      SPA_FORMAT_mediaSubtype, SPA_POD_Id(SPA_MEDIA_SUBTYPE_raw), 0);
  spa_pod_builder_prop(&b, SPA_FORMAT_VIDEO_format, 0);
  spa_pod_builder_push_choice(&b, &frames[1], SPA_CHOICE_Enum, 0);
  spa_pod_builder_id(&b, SPA_VIDEO_FORMAT_BGRx);
  for (const std::uint32_t format :
       {SPA_VIDEO_FORMAT_BGRx, SPA_VIDEO_FORMAT_RGBx, SPA_VIDEO_FORMAT_RGB, SPA_VIDEO_FORMAT_NV12,
        SPA_VIDEO_FORMAT_I420}) {
    spa_pod_builder_id(&b, format);
  }
  spa_pod_builder_pop(&b, &frames[1]);
  spa_pod_builder_add(&b, SPA_FORMAT_VIDEO_size, SPA_POD_Rectangle(&size),
                      SPA_FORMAT_VIDEO_framerate, SPA_POD_Fraction(&fraction), 0);
  return static_cast<const spa_pod*>(spa_pod_builder_pop(&b, &frames[0]));
}

const spa_pod* buffers_of(spa_pod_builder& b, const Layout& layout) {
  return static_cast<const spa_pod*>(spa_pod_builder_add_object(
      &b, SPA_TYPE_OBJECT_ParamBuffers, SPA_PARAM_Buffers, SPA_PARAM_BUFFERS_buffers,
      SPA_POD_CHOICE_RANGE_Int(kBuffers, kFewBuffers, kManyBuffers), SPA_PARAM_BUFFERS_blocks,
      SPA_POD_Int(1), SPA_PARAM_BUFFERS_size, SPA_POD_Int(layout.bytes()), SPA_PARAM_BUFFERS_stride,
      SPA_POD_Int(layout.stride()), SPA_PARAM_BUFFERS_dataType,
      SPA_POD_CHOICE_FLAGS_Int((1 << SPA_DATA_MemPtr) | (1 << SPA_DATA_MemFd))));
}

class PipeWireSink final : public FrameSink {
 public:
  PipeWireSink(const std::string& title, const SinkOptions& options) : options_(options) {
    init_pipewire();
    note_ = images_only_note("pipewire", options.extras);
    loop_.reset(pw_thread_loop_new("pipewire", nullptr));
    base::require(loop_ != nullptr, ErrorCode::io, "pipewire: no thread could be started");
    pw_properties* const properties = pw_properties_new(
        PW_KEY_MEDIA_CLASS, "Video/Source", PW_KEY_MEDIA_ROLE, "Camera", PW_KEY_NODE_NAME,
        "streamdiffusion", PW_KEY_NODE_DESCRIPTION, title.c_str(), nullptr);
    stream_ = pw_stream_new_simple(pw_thread_loop_get_loop(loop_.get()), title.c_str(), properties,
                                   &kEvents, this);
    if (stream_ == nullptr) refuse(errno);
    connect();
    if (pw_thread_loop_start(loop_.get()) < 0) {
      pw_stream_destroy(stream_);
      base::fail(ErrorCode::io, "pipewire: no thread could be started");
    }
  }

  ~PipeWireSink() override {
    pw_thread_loop_stop(loop_.get());
    pw_stream_destroy(stream_);
  }

  void write(const Image& image, std::int64_t, std::int64_t) override {
    const LoopLock lock(loop_);
    base::require(error_.empty(), ErrorCode::io, "pipewire: ", error_);
    newest_ = image;
    if (streaming_) pw_stream_trigger_process(stream_);
  }
  void finish() override {}
  std::string path() const override { return "pipewire"; }
  std::string note() const override { return note_; }

 private:
  void connect() {
    std::array<std::uint8_t, kParameterBytes> memory;
    spa_pod_builder builder = SPA_POD_BUILDER_INIT(memory.data(), memory.size());
    const spa_pod* formats = offered_formats(builder, options_);
    const int done = pw_stream_connect(
        stream_, PW_DIRECTION_OUTPUT, PW_ID_ANY,
        static_cast<pw_stream_flags>(PW_STREAM_FLAG_DRIVER | PW_STREAM_FLAG_MAP_BUFFERS), &formats,
        1);
    if (done >= 0) return;
    pw_stream_destroy(stream_);
    refuse(-done);
  }

  // On PipeWire's thread, which holds the loop's lock:
  static void on_state(void* self, pw_stream_state, pw_stream_state now, const char* error) {
    auto& sink = *static_cast<PipeWireSink*>(self);
    sink.streaming_ = now == PW_STREAM_STATE_STREAMING;
    if (now == PW_STREAM_STATE_ERROR) sink.error_ = error == nullptr ? "the stream failed" : error;
    if (now == PW_STREAM_STATE_UNCONNECTED) sink.error_ = "PipeWire has ended";
    if (sink.streaming_ && !sink.newest_.rgb.empty()) pw_stream_trigger_process(sink.stream_);
  }

  static void on_parameter(void* self, std::uint32_t id, const spa_pod* format) {
    auto& sink = *static_cast<PipeWireSink*>(self);
    spa_video_info_raw info = {};
    if (format == nullptr || id != SPA_PARAM_Format ||
        spa_format_video_raw_parse(format, &info) < 0) {
      return;
    }
    sink.layout_ = {kFormats.at(info.format), static_cast<int>(info.size.width),
                    static_cast<int>(info.size.height)};
    std::array<std::uint8_t, kParameterBytes> memory;
    spa_pod_builder builder = SPA_POD_BUILDER_INIT(memory.data(), memory.size());
    const spa_pod* buffers = buffers_of(builder, sink.layout_);
    pw_stream_update_params(sink.stream_, &buffers, 1);
  }

  static void on_process(void* self) {
    auto& sink = *static_cast<PipeWireSink*>(self);
    pw_buffer* const buffer = pw_stream_dequeue_buffer(sink.stream_);
    if (buffer == nullptr) return;  // the readers hold all: they get the next image
    sink.fill(buffer->buffer->datas[0]);
    pw_stream_queue_buffer(sink.stream_, buffer);
  }

  void fill(spa_data& data) const {
    const auto bytes = static_cast<std::uint32_t>(layout_.bytes());
    const bool fits = data.data != nullptr && data.maxsize >= bytes && !newest_.rgb.empty();
    if (fits)
      streamdiffusion::write(newest_, layout_.target(static_cast<std::uint8_t*>(data.data)));
    data.chunk->offset = 0;
    data.chunk->stride = layout_.stride();
    data.chunk->size = fits ? bytes : 0;
  }

  static const pw_stream_events kEvents;

  const SinkOptions options_;
  std::string note_, error_;
  Loop loop_;
  pw_stream* stream_ = nullptr;
  bool streaming_ = false;
  Layout layout_;
  Image newest_;
};

const pw_stream_events PipeWireSink::kEvents = [] {
  pw_stream_events events = {};
  events.version = PW_VERSION_STREAM_EVENTS;
  events.state_changed = on_state;
  events.param_changed = on_parameter;
  events.process = on_process;
  return events;
}();

}  // namespace

void check_pipewire() {
  init_pipewire();
  const Loop loop(pw_thread_loop_new("pipewire", nullptr));
  pw_context* const context = pw_context_new(pw_thread_loop_get_loop(loop.get()), nullptr, 0);
  base::require(context != nullptr, ErrorCode::io, "pipewire: ", std::strerror(errno));
  const bool there = pw_context_connect(context, nullptr, 0) != nullptr;
  const int error = errno;
  pw_context_destroy(context);
  if (!there) refuse(error);
}

std::unique_ptr<FrameSink> open_pipewire_sink(const std::string& title,
                                              const SinkOptions& options) {
  return std::make_unique<PipeWireSink>(title, options);
}

}  // namespace streamdiffusion::media
