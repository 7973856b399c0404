// Data that belongs to a frame and moves with it: what a frame brings in stands in the row of the
// first step, and one step further with each call, as its latents do in StreamBatch. Allocates
// nothing after construction.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "stream/row_layout.h"

namespace streamdiffusion::stream {

class FrameRows {
 public:
  FrameRows(const RowLayout& layout, std::size_t bytes_a_frame);

  /// New frames' data, [frames][bytes_a_frame], and whether each brings any. Those of the last step
  /// are forgotten.
  void enter(std::span<const std::byte> frames, const std::vector<bool>& brought);
  /// Whether the frame in this stream row brought data.
  bool filled(int stream_row) const { return filled_[slot(stream_row)]; }
  /// Writes the data of every UNet row, [unet_rows][bytes_a_frame]; zeros where there is none.
  void write(std::span<std::byte> unet_rows) const;

 private:
  /// The index of a stream row's data.
  std::size_t slot(int stream_row) const {
    const int step = (newest_ + layout_.step_of(stream_row)) % layout_.steps;
    return static_cast<std::size_t>(step * layout_.frames + stream_row % layout_.frames);
  }
  std::byte* data(int stream_row) { return data_.data() + slot(stream_row) * frame_; }

  RowLayout layout_;
  std::size_t frame_;
  /// A ring of steps: [steps][frames][bytes_a_frame].
  std::vector<std::byte> data_;
  std::vector<bool> filled_;
  /// The step of the ring that is the stream's first.
  int newest_ = 0;
};

}  // namespace streamdiffusion::stream
