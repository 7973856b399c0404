// A stand-in for a desktop that shows its screen: a node of PipeWire, "screen", with 20 images a
// second. A line of standard input is a command:
//   size W H            a new size, agreed on anew
//   draw red|blue|quarters
//   format BGRx|RGBx|BGRA|RGBA
//   crop X Y W H        the part that is shown; "crop 0 0 0 0" for all
//   turn N              how the image is turned, a spa_meta_videotransform_value
//   stride BYTES        what a row takes; 0 for as much as its pixels
//   send all|empty|corrupt   images, or buffers that say that they hold none
//   end                 the node goes away
// Options: --dmabuf: gives images in the memory of a card alone.
#include <pipewire/pipewire.h>
#include <spa/buffer/meta.h>
#include <spa/param/video/format-utils.h>
#include <spa/pod/builder.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <iostream>
#include <map>
#include <sstream>
#include <string>

namespace {

constexpr std::size_t kPodBytes = 2048;
constexpr long kFrameNanoseconds = 50'000'000;
constexpr std::uint32_t kPixelBytes = 4;
/// More than those who leave may keep: a compositor makes a node for each of them.
constexpr int kBuffers = 32;

using Color = std::array<std::uint8_t, 3>;
constexpr Color kRed{255, 0, 0}, kGreen{0, 255, 0}, kBlue{0, 0, 255}, kWhite{255, 255, 255};

const std::map<std::string, spa_video_format> kFormats{{"BGRx", SPA_VIDEO_FORMAT_BGRx},
                                                       {"RGBx", SPA_VIDEO_FORMAT_RGBx},
                                                       {"BGRA", SPA_VIDEO_FORMAT_BGRA},
                                                       {"RGBA", SPA_VIDEO_FORMAT_RGBA}};

struct FakeScreen {
  pw_main_loop* loop = nullptr;
  pw_stream* stream = nullptr;
  bool dmabuf = false;
  std::uint32_t width = 64, height = 64, stride = 0, turn = 0;
  spa_region crop = {};
  std::string drawing = "red", sending = "all";
  spa_video_format format = SPA_VIDEO_FORMAT_BGRx;
  spa_video_info_raw agreed = {};

  std::uint32_t row_bytes() const { return stride != 0 ? stride : agreed.size.width * kPixelBytes; }
  Color color(std::uint32_t x, std::uint32_t y) const;
  void fill(const spa_buffer& buffer) const;
  void obey(const std::string& line);
  void offer(bool connect);
};

Color FakeScreen::color(std::uint32_t x, std::uint32_t y) const {
  if (drawing == "red") return kRed;
  if (drawing == "blue") return kBlue;
  const bool right = x >= agreed.size.width / 2, low = y >= agreed.size.height / 2;
  if (low) return right ? kWhite : kBlue;
  return right ? kGreen : kRed;
}

/// What holds no image is filled too, with a gray that no test expects.
void FakeScreen::fill(const spa_buffer& buffer) const {
  const spa_data& data = buffer.datas[0];
  const bool red_first =
      agreed.format == SPA_VIDEO_FORMAT_RGBx || agreed.format == SPA_VIDEO_FORMAT_RGBA;
  const std::uint32_t bytes = row_bytes() * agreed.size.height;
  if (data.data == nullptr || data.maxsize < bytes) return;
  std::memset(data.data, 0x80, bytes);
  for (std::uint32_t y = 0; sending == "all" && y < agreed.size.height; ++y) {
    for (std::uint32_t x = 0; x < agreed.size.width; ++x) {
      const Color rgb = color(x, y);
      auto* pixel = static_cast<std::uint8_t*>(data.data) + row_bytes() * y + x * kPixelBytes;
      std::copy(rgb.begin(), rgb.end(), pixel);
      if (!red_first) std::reverse(pixel, pixel + 3);
      pixel[3] = 0;  // as some desktops leave it
    }
  }
  data.chunk->offset = 0;
  data.chunk->stride = static_cast<std::int32_t>(row_bytes());
  data.chunk->size = sending == "empty" ? 0 : bytes;
  if (auto* header = static_cast<spa_meta_header*>(
          spa_buffer_find_meta_data(&buffer, SPA_META_Header, sizeof(spa_meta_header)))) {
    *header = {};
    if (sending == "corrupt") header->flags = SPA_META_HEADER_FLAG_CORRUPTED;
  }
  if (auto* shown = static_cast<spa_meta_region*>(
          spa_buffer_find_meta_data(&buffer, SPA_META_VideoCrop, sizeof(spa_meta_region)))) {
    shown->region = crop;
  }
  if (auto* turned = static_cast<spa_meta_videotransform*>(spa_buffer_find_meta_data(
          &buffer, SPA_META_VideoTransform, sizeof(spa_meta_videotransform)))) {
    turned->transform = turn;
  }
}

const spa_pod* meta(spa_pod_builder& b, spa_meta_type type, std::size_t bytes) {
  return static_cast<const spa_pod*>(spa_pod_builder_add_object(
      &b, SPA_TYPE_OBJECT_ParamMeta, SPA_PARAM_Meta, SPA_PARAM_META_type, SPA_POD_Id(type),
      SPA_PARAM_META_size, SPA_POD_Int(static_cast<int>(bytes))));
}

const spa_pod* offered_format(spa_pod_builder& b, const FakeScreen& screen) {
  const spa_rectangle size{screen.width, screen.height};
  const spa_fraction rate{0, 1}, usual{20, 1}, most{60, 1};
  spa_pod_frame frame;
  spa_pod_builder_push_object(&b, &frame, SPA_TYPE_OBJECT_Format, SPA_PARAM_EnumFormat);
  spa_pod_builder_add(&b, SPA_FORMAT_mediaType, SPA_POD_Id(SPA_MEDIA_TYPE_video),
                      SPA_FORMAT_mediaSubtype, SPA_POD_Id(SPA_MEDIA_SUBTYPE_raw),
                      SPA_FORMAT_VIDEO_format, SPA_POD_Id(screen.format), 0);
  if (screen.dmabuf) {
    spa_pod_builder_prop(&b, SPA_FORMAT_VIDEO_modifier, SPA_POD_PROP_FLAG_MANDATORY);
    spa_pod_builder_long(&b, 0);
  }
  // As compositors do: a rate that varies.
  spa_pod_builder_add(&b, SPA_FORMAT_VIDEO_size, SPA_POD_Rectangle(&size),
                      SPA_FORMAT_VIDEO_framerate, SPA_POD_Fraction(&rate),
                      SPA_FORMAT_VIDEO_maxFramerate,
                      SPA_POD_CHOICE_RANGE_Fraction(&usual, &rate, &most), 0);
  return static_cast<const spa_pod*>(spa_pod_builder_pop(&b, &frame));
}

void FakeScreen::offer(bool connect) {
  std::array<std::uint8_t, kPodBytes> memory;
  spa_pod_builder builder = SPA_POD_BUILDER_INIT(memory.data(), memory.size());
  const spa_pod* formats = offered_format(builder, *this);
  const int done = connect
                       ? pw_stream_connect(stream, PW_DIRECTION_OUTPUT, PW_ID_ANY,
                                           static_cast<pw_stream_flags>(PW_STREAM_FLAG_DRIVER |
                                                                        PW_STREAM_FLAG_MAP_BUFFERS),
                                           &formats, 1)
                       : pw_stream_update_params(stream, &formats, 1);
  if (done < 0) std::cerr << "the format is not taken: " << std::strerror(-done) << "\n";
}

void on_parameter(void* self, std::uint32_t id, const spa_pod* format) {
  auto& screen = *static_cast<FakeScreen*>(self);
  if (format == nullptr || id != SPA_PARAM_Format) return;
  if (spa_format_video_raw_parse(format, &screen.agreed) < 0) return;
  std::cerr << "agreed on " << screen.agreed.size.width << "x" << screen.agreed.size.height << "\n";
  std::array<std::uint8_t, kPodBytes> memory;
  spa_pod_builder b = SPA_POD_BUILDER_INIT(memory.data(), memory.size());
  const auto row = static_cast<int>(std::max(screen.row_bytes(), screen.agreed.size.width * 4));
  const std::array<const spa_pod*, 4> wanted{
      static_cast<const spa_pod*>(spa_pod_builder_add_object(
          &b, SPA_TYPE_OBJECT_ParamBuffers, SPA_PARAM_Buffers, SPA_PARAM_BUFFERS_buffers,
          SPA_POD_CHOICE_RANGE_Int(kBuffers, 2, kBuffers), SPA_PARAM_BUFFERS_blocks, SPA_POD_Int(1),
          SPA_PARAM_BUFFERS_size, SPA_POD_Int(row * static_cast<int>(screen.agreed.size.height)),
          SPA_PARAM_BUFFERS_stride, SPA_POD_Int(row), SPA_PARAM_BUFFERS_dataType,
          SPA_POD_CHOICE_FLAGS_Int(1 << SPA_DATA_MemFd))),
      meta(b, SPA_META_Header, sizeof(spa_meta_header)),
      meta(b, SPA_META_VideoCrop, sizeof(spa_meta_region)),
      meta(b, SPA_META_VideoTransform, sizeof(spa_meta_videotransform))};
  auto params = wanted;
  pw_stream_update_params(screen.stream, params.data(), params.size());
}

void on_process(void* self) {
  const auto& screen = *static_cast<FakeScreen*>(self);
  pw_buffer* const buffer = pw_stream_dequeue_buffer(screen.stream);
  if (buffer == nullptr) return;
  screen.fill(*buffer->buffer);
  pw_stream_queue_buffer(screen.stream, buffer);
}

void on_state(void*, pw_stream_state, pw_stream_state now, const char* error) {
  std::cerr << pw_stream_state_as_string(now) << (error != nullptr ? error : "") << "\n";
}

void on_tick(void* self, std::uint64_t) {
  const auto& screen = *static_cast<FakeScreen*>(self);
  if (pw_stream_get_state(screen.stream, nullptr) == PW_STREAM_STATE_STREAMING)
    pw_stream_trigger_process(screen.stream);
}

void FakeScreen::obey(const std::string& line) {
  std::istringstream words(line);
  std::string word, text;
  words >> word;
  if (word == "size" && words >> width >> height) return offer(false);
  if (word == "format" && words >> text && kFormats.contains(text)) {
    format = kFormats.at(text);
    return offer(false);
  }
  if (word == "draw" && words >> drawing) return;
  if (word == "send" && words >> sending) return;
  if (word == "turn" && words >> turn) return;
  if (word == "stride" && words >> stride) return;
  if (word == "crop" &&
      words >> crop.position.x >> crop.position.y >> crop.size.width >> crop.size.height)
    return;
  if (word == "end" && pw_stream_disconnect(stream) >= 0) return;
  std::cerr << "what is \"" << line << "\"?\n";
  pw_main_loop_quit(loop);
}

/// Ends with standard input.
void on_line(void* self, int, std::uint32_t) {
  auto& screen = *static_cast<FakeScreen*>(self);
  static std::string rest;
  std::array<char, 256> bytes;
  const ssize_t count = ::read(STDIN_FILENO, bytes.data(), bytes.size());
  if (count <= 0) pw_main_loop_quit(screen.loop);
  if (count > 0) rest.append(bytes.data(), static_cast<std::size_t>(count));
  for (std::size_t end; (end = rest.find('\n')) != std::string::npos; rest.erase(0, end + 1))
    screen.obey(rest.substr(0, end));
}

}  // namespace

int main(int count, char** arguments) {
  pw_init(nullptr, nullptr);
  FakeScreen screen;
  screen.dmabuf = count > 1 && std::string(arguments[1]) == "--dmabuf";
  screen.loop = pw_main_loop_new(nullptr);
  pw_loop* const loop = pw_main_loop_get_loop(screen.loop);
  pw_stream_events events = {};
  events.version = PW_VERSION_STREAM_EVENTS;
  events.state_changed = on_state;
  events.param_changed = on_parameter;
  events.process = on_process;
  screen.stream = pw_stream_new_simple(
      loop, "screen",
      pw_properties_new(PW_KEY_MEDIA_CLASS, "Video/Source", PW_KEY_NODE_NAME, "screen", nullptr),
      &events, &screen);
  screen.offer(true);
  timespec interval{0, kFrameNanoseconds};
  spa_source* const timer = pw_loop_add_timer(loop, on_tick, &screen);
  pw_loop_update_timer(loop, timer, &interval, &interval, false);
  pw_loop_add_io(loop, STDIN_FILENO, SPA_IO_IN | SPA_IO_HUP, false, on_line, &screen);
  pw_main_loop_run(screen.loop);
  pw_stream_destroy(screen.stream);
  pw_main_loop_destroy(screen.loop);
}
