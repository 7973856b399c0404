// Keeps count of the frames that a source gives with errors in them, or not at all.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "media/av.h"
#include "media/decoder_traits.h"

namespace streamdiffusion::media {

/// Follows the packets and frames of one stream of images. Used by one thread.
class Damage {
 public:
  /// `source`: what messages call it.
  Damage(std::string source, bool strict) : source_(std::move(source)), strict_(strict) {}

  /// The open decoder, which must outlive the calls below. Where it holds packets back, what is
  /// said of one comes before the frames of earlier ones: its frame is only near the one named.
  void follow(const AVCodecContext& decoder) { decoder_ = &decoder; }
  /// A packet on its way to the decoder.
  void on_packet(const AVPacket& packet);
  /// The decoder refused a packet, in these words. False if it has refused so many, before it gave
  /// any frame, that none is expected any more.
  bool on_refused_packet(const std::string& words);
  /// A frame from the decoder. `logged`: for decoders that do not mark the frames that they have
  /// repaired, the error that was logged since the last frame, or nothing. Says how many packets
  /// were passed over before the first frame.
  void on_frame(const AVFrame& frame, const std::string& logged);
  /// Warns that the next frame is damaged, as `what` says; only the first few are named, and
  /// nothing is said twice in a row. A strict one throws corrupt_file instead.
  void note(const std::string& what) { note(frames_ + 1, what, is_ahead()); }

  /// If so, one thread must decode: libavcodec before 6.1 forgets to mark most frames of H.264 that
  /// it has repaired on several.
  bool is_strict() const { return strict_; }
  /// Frames that were given with errors in them.
  std::uint64_t damaged() const { return count_ - std::min(count_, lost_later()); }
  /// Frames that were not given, because the decoder refused their packets. Not those before the
  /// first whole frame, unless every frame of the codec stands for itself.
  std::uint64_t lost() const { return lost_early_ + lost_later(); }
  /// What the decoder said last about a packet that it refused.
  const std::string& last_words() const { return last_words_; }
  /// Bytes of the last packet if it arrived damaged, or -1.
  int last_damaged_bytes() const { return last_damaged_bytes_; }
  /// The frame of that packet, if the decoder has given it.
  std::optional<std::uint64_t> last_damaged_frame() const {
    return last_damaged_bytes_ >= 0 ? last_damaged_frame_ : std::nullopt;
  }

 private:
  /// `near`: it may be one of the next frames as well.
  void note(std::uint64_t number, const std::string& what, bool near = false);
  bool is_ahead() const { return decoder_ != nullptr && reads_ahead(*decoder_); }
  void say_passed_over(std::int64_t first_pts);
  std::uint64_t lost_later() const;

  std::string source_, last_words_, last_named_;
  bool strict_;
  const AVCodecContext* decoder_ = nullptr;
  std::uint64_t count_ = 0, frames_ = 0, named_ = 0;
  /// Packets that were to give a frame; those of them before the first frame, and which of these
  /// are lost; those that the decoder refused behind it.
  std::uint64_t packets_ = 0, passed_over_ = 0, lost_early_ = 0, refused_later_ = 0;
  /// Before the first frame: packets that the decoder refused, and the times of all.
  int refused_ = 0;
  std::vector<std::int64_t> early_pts_;
  /// Times of packets that arrived damaged, until their frames come.
  std::set<std::int64_t> damaged_pts_;
  /// An error was logged before the last frame, maybe of a packet that is refused next.
  bool logged_ahead_ = false;
  int last_damaged_bytes_ = -1;
  std::int64_t last_damaged_pts_ = 0;  // of the last packet
  std::optional<std::uint64_t> last_damaged_frame_;
};

}  // namespace streamdiffusion::media
