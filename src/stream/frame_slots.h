// Where the rows of UNet calls keep keys and values of their frames, and which earlier frames they
// look back at (graph::Attention::slots): a ring of slots for each row and denoising step. A frame
// that is not to be kept leaves its slot to the next one. Allocates nothing after construction.
//
// docs/steady.md says what is kept when.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace streamdiffusion::stream {

class FrameSlots {
 public:
  /// `rows` of a UNet call; as many `calls` take a frame through all its steps by the same rows: 1
  /// in a stream batch, where each step has rows of its own. Up to `frames` earlier frames are
  /// kept, every `interval`-th.
  FrameSlots(int rows, int calls, int frames, int interval);

  /// Slots of each row, for all calls.
  static int count(int calls, int frames) { return calls * (frames + 1); }

  void set_interval(int interval) { interval_ = interval; }
  /// Forgets all frames.
  void clear();
  /// Before a call, `call` of those that a frame passes: the entries of every row, [rows][1 +
  /// frames]: its own slot, earlier ones from the newest to the oldest, and -1. `held`: the rows
  /// that hold a frame.
  void enter(int call, const std::vector<bool>& held, std::span<std::int32_t> entries);
  /// After it: keeps the frames that are to be kept. Without this call none is.
  void leave(int call);

 private:
  struct Ring {
    /// The slot of the next frame, and earlier ones that are filled.
    int own = 0, filled = 0;
    /// Frames since the last clear().
    std::int64_t frames = 0;
  };
  Ring& ring(int call, std::size_t row) {
    return rings_[static_cast<std::size_t>(call) * held_.size() + row];
  }

  int frames_, interval_;
  /// By call and row.
  std::vector<Ring> rings_;
  /// By row, of the call in progress.
  std::vector<bool> held_;
};

}  // namespace streamdiffusion::stream
