#include "media/damage.h"

#include <algorithm>
#include <cstddef>
#include <utility>

#include "base/error.h"
#include "base/log.h"

namespace streamdiffusion::media {
namespace {

/// How many are named one by one. A broken stream has thousands.
constexpr std::uint64_t kNamed = 10;
/// Undecodable packets that are passed over before the first frame: a stream may be joined
/// anywhere.
constexpr int kMaxPassedOver = 500;

}  // namespace

void Damage::note(std::uint64_t number, const std::string& what, bool near) {
  ++count_;
  const std::string message =
      base::concat(near ? "near frame " : "frame ", number, " of ", source_, ": ", what);
  base::require(!strict_, base::ErrorCode::corrupt_file, message);
  if (message == last_named_ || named_ == kNamed) return;
  base::warn(last_named_ = message);
  if (++named_ == kNamed) base::warn(source_, ": further damaged frames are only counted");
}

void Damage::on_packet(const AVPacket& packet) {
  const bool damaged = (packet.flags & AV_PKT_FLAG_CORRUPT) != 0;
  last_damaged_bytes_ = damaged ? packet.size : -1;
  last_damaged_pts_ = packet.pts;
  last_damaged_frame_.reset();
  const bool shown = (packet.flags & AV_PKT_FLAG_DISCARD) == 0;
  if (shown) ++packets_;
  if (packet.pts == AV_NOPTS_VALUE) return;
  if (damaged) damaged_pts_.insert(packet.pts);
  if (frames_ == 0 && shown) early_pts_.push_back(packet.pts);
}

bool Damage::on_refused_packet(const std::string& words) {
  last_words_ = words;
  if (frames_ > 0) {
    ++refused_later_;
    if (std::exchange(logged_ahead_, false)) --count_;  // both are of this packet
    // Threads tell of their packets in order.
    note(frames_ + 1, "the decoder says " + words, decoder_ != nullptr && reorders(*decoder_));
    return true;
  }
  return ++refused_ <= kMaxPassedOver;
}

void Damage::on_frame(const AVFrame& frame, const std::string& logged) {
  const bool first = ++frames_ == 1;
  logged_ahead_ = false;
  if (first) say_passed_over(frame.best_effort_timestamp);
  const bool incomplete = damaged_pts_.erase(frame.pts) > 0;
  if (incomplete && frame.pts == last_damaged_pts_) last_damaged_frame_ = frames_;
  const bool concealed =
      frame.decode_error_flags != 0 || (frame.flags & AV_FRAME_FLAG_CORRUPT) != 0;
  if (incomplete) return note(frames_, "a part of its data is missing");
  if (concealed) return note(frames_, "its data is damaged");
  if (logged.empty() || first) return;
  const std::string words = "\"" + logged + "\"";
  if (is_ahead() && words == last_words_) return;  // of a packet that was refused, and counted
  note(frames_, "the decoder says " + words, is_ahead());
  logged_ahead_ = is_ahead();
}

/// A decoder may complain of a packet and give its frame all the same.
std::uint64_t Damage::lost_later() const {
  const std::uint64_t given = passed_over_ + frames_;
  return std::min(refused_later_, packets_ - std::min(packets_, given));
}

/// A decoder passes over some packets without an error: those that refer to images before the
/// beginning.
void Damage::say_passed_over(std::int64_t first_pts) {
  std::ptrdiff_t count = 0;
  if (first_pts != AV_NOPTS_VALUE) {
    count = std::count_if(early_pts_.begin(), early_pts_.end(),
                          [&](std::int64_t pts) { return pts < first_pts; });
  }
  count = std::max<std::ptrdiff_t>(count, refused_);
  early_pts_ = {};
  if (count == 0) return;
  passed_over_ = static_cast<std::uint64_t>(count);
  if (decoder_ != nullptr && stands_alone(decoder_->codec_id)) lost_early_ = passed_over_;
  base::warn(source_, ": ", count, count == 1 ? " packet" : " packets",
             " before the first whole frame cannot be decoded and ", count == 1 ? "is" : "are",
             " passed over");
}

}  // namespace streamdiffusion::media
