// The frames that entered a session and have not come out: the one list that says what became of
// each. Outputs come out in the order in which their frames entered, one for every frame.
#pragma once

#include <any>
#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "streamdiffusion/error.h"
#include "streamdiffusion/session.h"

namespace streamdiffusion::session {

/// How the caller knows a frame.
struct FrameTag {
  std::uint64_t frame_id = 0;
  std::any data;
};

class FramesInFlight {
 public:
  /// A frame enters; without a tag it gets the next number, and its failure is thrown. Returns its
  /// number. Throws invalid_argument for a number that is not above the one before it.
  std::uint64_t enter(std::optional<FrameTag> tag);
  /// The frame that entered last takes the image of the frame before it. Needs has_image().
  void reuse_image();
  /// The image of a frame. `keep` keeps a copy for frames that reuse it.
  void finish(std::uint64_t frame_id, Output output, bool keep);
  /// Those frames that have no image yet and are `lost` fail with this error.
  void fail(const Error& error, const std::function<bool(std::uint64_t frame_id)>& lost);

  /// The oldest frame's output, or nothing while it runs. Throws the error of an untagged frame.
  std::optional<Output> pop();
  /// All outputs before the oldest frame that still runs. Throws the error of an untagged frame;
  /// the other outputs then stay for the next call.
  std::vector<Output> pop_all();

  std::size_t size() const { return frames_.size(); }
  /// Whether a frame waits for its image.
  bool running() const;
  /// Whether there is an image to reuse.
  bool has_image() const { return has_image_; }

 private:
  enum class State { running, reused, finished, failed };
  struct Frame {
    Output output;
    bool tagged = false;
    State state = State::running;
    bool keep = false;
  };
  /// Frames at the front that are ready to come out.
  std::size_t ready() const;
  /// A frame that comes out.
  Output released(Frame frame);

  /// Oldest first. A vector, because there are few, and a deque would allocate as they pass.
  std::vector<Frame> frames_;
  std::uint64_t next_id_ = 0;
  bool has_image_ = false;
  /// Of the last frame that came out and was kept.
  Output last_;
};

}  // namespace streamdiffusion::session
