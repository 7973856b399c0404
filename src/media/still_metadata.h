// What a still image says beside its pixels about how they are shown, where libav's decoders do not
// pass it on: orientation, and the ICC profile.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "media/av.h"
#include "media/mp4_boxes.h"
#include "streamdiffusion/image.h"

namespace streamdiffusion::media {

struct StillMetadata {
  /// As in EXIF, 1..8.
  int orientation = 1;
  /// ICC; empty where there is none.
  std::vector<std::byte> profile = {};
  /// A part of the image alone is meant to be shown (clap of HEIF), which is not done.
  bool cropped = false;
  /// The whole file, where src/image reads the format (PNG, JPEG, WebP) and libav is not needed.
  std::vector<std::byte> file = {};
};

/// Of a file that holds one image, but no AVIF or HEIC.
StillMetadata still_metadata(std::span<const std::byte> file);

/// Of the primary item of an AVIF or HEIC file (ISO/IEC 23008-12): irot, imir and colr. Nothing of
/// a video. Throws what reading throws.
StillMetadata heif_metadata(const Mp4File& file);

/// The first ICC profile that stands in `file` in one piece: formats store it as it is. Empty where
/// there is none.
std::span<const std::byte> find_profile(std::span<const std::byte> file);

/// The orientation that does what `first` and then `second` do.
int joined_orientation(int first, int second);

/// The metadata of images that come one after another, each in its packet, until their frames come.
class StillPackets {
 public:
  /// `name` is what warnings call the source.
  explicit StillPackets(std::string name) : name_(std::move(name)) {}

  /// Before the packet is sent to the decoder. Warns of a TIFF with several pages.
  void add(const AVPacket& packet, AVCodecContext& decoder);
  /// Of a frame from the decoder; null where nothing is known.
  std::shared_ptr<const StillMetadata> take(const AVFrame& frame);

 private:
  std::string name_;
  std::int64_t count_ = 0;
  std::map<std::int64_t, std::shared_ptr<const StillMetadata>> waiting_;
};

}  // namespace streamdiffusion::media
