#include "stream/frame_rows.h"

#include <algorithm>

#include "base/error.h"

namespace streamdiffusion::stream {

FrameRows::FrameRows(const RowLayout& layout, std::size_t bytes_a_frame)
    : layout_(layout),
      frame_(bytes_a_frame),
      data_(static_cast<std::size_t>(layout.stream_rows()) * bytes_a_frame),
      filled_(static_cast<std::size_t>(layout.stream_rows())) {}

void FrameRows::enter(std::span<const std::byte> frames, const std::vector<bool>& brought) {
  const auto count = static_cast<std::size_t>(layout_.frames);
  base::require(frames.size() == count * frame_ && brought.size() == count,
                base::ErrorCode::internal, "frame rows: ", frames.size(), " bytes of ",
                brought.size(), " frames, expected ", count * frame_, " of ", count);
  newest_ = (newest_ + layout_.steps - 1) % layout_.steps;
  for (int f = 0; f < layout_.frames; ++f) {
    const auto at = static_cast<std::size_t>(f);
    filled_[slot(f)] = brought[at];
    if (brought[at]) {
      std::copy_n(frames.data() + at * frame_, frame_, data(f));
    } else {
      std::fill_n(data(f), frame_, std::byte{0});
    }
  }
}

void FrameRows::write(std::span<std::byte> unet_rows) const {
  for (int r = 0; r < layout_.unet_rows(); ++r) {
    std::copy_n(data_.data() + slot(layout_.stream_row(r)) * frame_, frame_,
                unet_rows.data() + static_cast<std::size_t>(r) * frame_);
  }
}

}  // namespace streamdiffusion::stream
