#include "session/card_frames.h"

#include "image/rgb_rows.h"

namespace streamdiffusion::session {
namespace {

/// Memory for every plane of a frame, without gaps.
template <typename Frame>
class Planes {
 public:
  explicit Planes(const Frame& on_card)
      : on_card_(on_card),
        planes_(image::planes_of(on_card.format, on_card.width, on_card.height)) {
    std::size_t bytes = 0;
    for (const image::Plane& plane : planes_) {
      offsets_.push_back(bytes);
      bytes += static_cast<std::size_t>(plane.row_bytes) * static_cast<std::size_t>(plane.rows);
    }
    memory_ = std::make_shared_for_overwrite<std::byte[]>(bytes);
  }

  /// Calls `copy(rows on the card, rows here)` for each plane.
  template <typename Copy>
  void for_each(Copy copy) const {
    for (std::size_t i = 0; i < planes_.size(); ++i) copy(rows_of(i), here(i));
  }

  /// The frame here. A plane that is stored from bottom to top is so here too.
  Frame frame() const {
    Frame frame = on_card_;
    for (std::size_t i = 0; i < planes_.size(); ++i) {
      const bool bottom_up = on_card_.strides[i] < 0;
      const std::ptrdiff_t last = (planes_[i].rows - 1) * planes_[i].row_bytes;
      frame.planes[i] = reinterpret_cast<std::uint8_t*>(here(i)) + (bottom_up ? last : 0);
      frame.strides[i] = bottom_up ? -planes_[i].row_bytes : planes_[i].row_bytes;
    }
    return frame;
  }

  std::shared_ptr<const void> owner() const { return memory_; }

 private:
  std::byte* here(std::size_t i) const { return memory_.get() + offsets_[i]; }
  backend::DeviceRows rows_of(std::size_t i) const {
    const std::ptrdiff_t stride = on_card_.strides[i];
    const std::uint8_t* lowest =
        on_card_.planes[i] + (stride < 0 ? (planes_[i].rows - 1) * stride : 0);
    const auto bytes = static_cast<std::size_t>(planes_[i].row_bytes);
    // the stride of a single row is not looked at
    const std::size_t pitch =
        planes_[i].rows == 1 ? bytes : static_cast<std::size_t>(stride < 0 ? -stride : stride);
    return {const_cast<std::uint8_t*>(lowest), pitch, bytes,
            static_cast<std::size_t>(planes_[i].rows)};
  }

  const Frame& on_card_;
  const std::vector<image::Plane> planes_;
  std::vector<std::size_t> offsets_;
  std::shared_ptr<std::byte[]> memory_;
};

}  // namespace

HostFrame download(backend::Device& device, const FrameView& on_card) {
  image::check(on_card);
  const Planes planes(on_card);
  planes.for_each(
      [&](const backend::DeviceRows& rows, std::byte* here) { device.download(here, rows); });
  return {planes.frame(), planes.owner()};
}

void upload(backend::Device& device, ImageView image, const FrameTarget& on_card) {
  image::check(on_card);
  const Planes planes(on_card);
  write(image, planes.frame());
  planes.for_each(
      [&](const backend::DeviceRows& rows, const std::byte* here) { device.upload(rows, here); });
}

}  // namespace streamdiffusion::session
