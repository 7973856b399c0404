#include "c_api/frame.h"

#include <chrono>
#include <cstddef>
#include <cstring>

#include "base/error.h"
#include "c_api/call.h"
#include "image/rgb_rows.h"

namespace streamdiffusion::c_api {
namespace {

/// Fills a view or a target.
template <typename Frame>
Frame frame_as(const streamdiffusion_frame& frame) {
  Frame out;
  out.format = static_cast<PixelFormat>(frame.format);
  out.width = frame.width;
  out.height = frame.height;
  for (std::size_t i = 0; i < out.planes.size(); ++i) {
    out.planes[i] = static_cast<std::uint8_t*>(frame.planes[i]);
    out.strides[i] = frame.strides[i];
  }
  out.matrix = static_cast<YuvMatrix>(frame.matrix);
  out.range = static_cast<YuvRange>(frame.range);
  return out;
}

/// The size of the struct in version 0.1.
constexpr std::size_t kFirstFrameSize =
    offsetof(streamdiffusion_frame, release_user) + sizeof(streamdiffusion_frame::release_user);

/// Hosts may say when a frame will be shown; times of another clock are further away.
constexpr std::chrono::hours kFurthestAhead{24};

void check_value(std::int32_t value, int last, const char* name) {
  base::require(value >= 0 && value <= last, ErrorCode::invalid_argument, "the frame's ", name,
                " is ", value, ", expected 0..", last);
}

/// A copy of the pixels in memory of their own; `view` becomes one of the copy.
std::shared_ptr<const void> copy_pixels(FrameView& view) {
  const std::vector<image::Plane> planes = image::planes_of(view.format, view.width, view.height);
  std::size_t bytes = 0;
  for (const image::Plane& plane : planes)
    bytes += static_cast<std::size_t>(plane.row_bytes) * static_cast<std::size_t>(plane.rows);
  std::shared_ptr<std::uint8_t[]> copy = std::make_shared_for_overwrite<std::uint8_t[]>(bytes);
  std::uint8_t* to = copy.get();
  for (std::size_t i = 0; i < planes.size(); ++i) {
    const std::uint8_t* first = to;
    for (int row = 0; row < planes[i].rows; ++row, to += planes[i].row_bytes) {
      std::memcpy(to, view.planes[i] + row * view.strides[i],
                  static_cast<std::size_t>(planes[i].row_bytes));
    }
    view.planes[i] = first;
    view.strides[i] = planes[i].row_bytes;
  }
  return copy;
}

}  // namespace

streamdiffusion_frame read_frame(const streamdiffusion_frame* given) {
  streamdiffusion_frame frame;
  streamdiffusion_frame_init(&frame, sizeof frame);
  read_struct(&frame, sizeof frame, given, kFirstFrameSize, "frame");
  check_value(frame.format, STREAMDIFFUSION_FORMAT_I420, "format");
  check_value(frame.matrix, STREAMDIFFUSION_MATRIX_BT709, "matrix");
  check_value(frame.range, STREAMDIFFUSION_RANGE_FULL, "range");
  check_value(frame.memory, STREAMDIFFUSION_MEMORY_CUDA, "memory");
  image::check(view_of(frame));
  return frame;
}

FrameView view_of(const streamdiffusion_frame& frame) {
  return frame_as<FrameView>(frame);
}

FrameTarget target_of(const streamdiffusion_frame& frame) {
  return frame_as<FrameTarget>(frame);
}

std::shared_ptr<const void> owner_of(const streamdiffusion_frame& frame) {
  // A smaller struct ends before `release`.
  if (frame.struct_size < kFirstFrameSize || frame.release == nullptr) return nullptr;
  const auto release = [call = frame.release, user = frame.release_user](const void*) {
    call(user);
  };
  return {static_cast<const void*>(&frame), release};
}

HostFrame copied(const streamdiffusion_frame& frame, const Engine& engine) {
  if (frame.memory == STREAMDIFFUSION_MEMORY_CUDA) return engine.download(view_of(frame));
  FrameView view = view_of(frame);
  std::shared_ptr<const void> owner = copy_pixels(view);
  return {view, std::move(owner)};
}

LiveClock::time_point time_of(std::int64_t nanoseconds) {
  if (nanoseconds == 0) return LiveClock::now();
  const std::int64_t latest = nanoseconds_of(LiveClock::now() + kFurthestAhead);
  base::require(nanoseconds > 0 && nanoseconds <= latest, ErrorCode::invalid_argument,
                "the frame's captured_ns is ", nanoseconds,
                ", expected 0, or nanoseconds of CLOCK_MONOTONIC: it is ",
                nanoseconds_of(LiveClock::now()), " now");
  return LiveClock::time_point(
      std::chrono::duration_cast<LiveClock::duration>(std::chrono::nanoseconds(nanoseconds)));
}

std::int64_t nanoseconds_of(LiveClock::time_point time) {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(time.time_since_epoch()).count();
}

}  // namespace streamdiffusion::c_api

void streamdiffusion_frame_init(streamdiffusion_frame* frame, size_t struct_size) {
  const streamdiffusion_frame defaults{};
  streamdiffusion::c_api::init_struct(frame, struct_size, &defaults, sizeof defaults);
}
