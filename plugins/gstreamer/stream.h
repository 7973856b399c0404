// One stream of the element: an engine, a live session on it, and the queue of what is on its way.
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "formats.h"
#include "frame_queue.h"
#include "live/named_parameters.h"
#include "streamdiffusion/live.h"

namespace streamdiffusion::gst {

/// Parameters as they were set: name and value as JSON.
using Values = std::map<std::string, std::string>;
std::string object_of(const Values& values);

class Stream {
 public:
  /// Is told of frames and changes that fail, on any thread.
  using Warn = std::function<void(const std::string&)>;

  /// Opens the engine. Throws Error.
  Stream(const std::string& engine_parameters, const Values& values, Warn warn);
  ~Stream() { halt(); }
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;

  /// Whether frames are dropped where they come faster than they are processed.
  void set_may_drop(bool may_drop) { may_drop_ = may_drop; }
  bool may_drop() const { return may_drop_; }
  /// Sets one parameter. Throws Error, with nothing changed.
  void set(const std::string& name, const std::string& value);
  /// Every parameter as it is now, a JSON object.
  std::string values() const;
  /// Of the images, in pixels, and the number of steps.
  int width() const, height() const;
  std::size_t steps() const;

  enum class Taken { yes, closed, failed };
  /// Starts the session with the first frame. Waits unless frames may be dropped.
  Taken submit(std::shared_ptr<MappedFrame> frame, Buffer times);
  /// Waits until all frames have left the session, and ends it. A new frame starts another one.
  void drain();
  /// Ends the session soon, from any thread: who waits in submit() or drain() returns.
  void halt();
  /// Forgets all frames. No other thread may be in submit() or drain(). Returns the events among
  /// them.
  std::vector<Event> restart();
  /// What ended the session, if it failed.
  std::optional<Error> failure() const;
  LiveCounters counters() const;
  /// Recent mean of a call of the engine; 0 before the first.
  double call_seconds() const;

  FrameQueue& queue() { return *queue_; }

 private:
  std::shared_ptr<LiveSession> started();
  std::shared_ptr<LiveSession> live() const;
  LiveCallbacks callbacks();
  SessionOptions options() const;

  /// A thread that a session leaves behind may use them after the stream is gone.
  const Warn warn_;
  const std::shared_ptr<FrameQueue> queue_ = std::make_shared<FrameQueue>();
  std::shared_ptr<const Engine> engine_;
  std::atomic<bool> may_drop_ = false;
  mutable std::mutex mutex_;
  mutable live::NamedParameters parameters_;
  std::shared_ptr<LiveSession> live_;
  std::uint64_t next_id_ = 0;
  /// Of the sessions before the present one.
  LiveCounters before_;
};

}  // namespace streamdiffusion::gst
