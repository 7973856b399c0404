// Frames on their way through the stream, and the events between them, in the order in which they
// leave. The sink pad's thread enters them, the live session's threads say what became of each
// frame, and the source pad's thread takes them out.
#pragma once

#include <gst/gst.h>

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

#include "streamdiffusion/image.h"

namespace streamdiffusion::gst {

template <typename T>
struct Unref {
  void operator()(T* object) const { gst_mini_object_unref(GST_MINI_OBJECT_CAST(object)); }
};
using Event = std::unique_ptr<GstEvent, Unref<GstEvent>>;
using Buffer = std::unique_ptr<GstBuffer, Unref<GstBuffer>>;

struct Entry {
  enum class State { waiting, done, dropped };
  /// Of an event alone.
  Event event;
  /// Times, flags and metas of a frame's buffer, without its memory.
  Buffer times;
  std::uint64_t id = 0;
  State state = State::waiting;
  std::shared_ptr<const Image> image;
};

class FrameQueue {
 public:
  /// Finished images that may wait for the source pad before finish() waits.
  static constexpr int kAhead = 1;

  void enter(Event event);
  void enter(std::uint64_t id, Buffer times);
  /// The frame has an image. Frames before it that have none were dropped. Waits while too many
  /// images wait, unless the queue is closed.
  void finish(std::uint64_t id, std::shared_ptr<const Image> image);
  /// The frame will have no image.
  void drop(std::uint64_t id);
  /// No frame that still waits will have an image.
  void drop_waiting();
  /// The peer takes no more of what it gets now: no frame before the next segment or stream will
  /// have an image, and ended() holds until one of these is entered.
  void end();
  bool ended() const;
  /// The next event, or the next frame that is done or dropped. Waits for it. Nothing once the
  /// queue is closed.
  std::optional<Entry> take();
  /// All who wait return.
  void close();
  /// Empties and opens it. Returns the events that nobody took.
  std::vector<Event> open();

 private:
  template <typename Change>
  void change(const Change& apply);

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Entry> entries_;
  int done_ = 0;
  bool closed_ = true, ended_ = false;
};

}  // namespace streamdiffusion::gst
