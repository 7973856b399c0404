// How the bytes of an input reach libav: a descriptor through our own reader, an address of the web
// through libav's. Both are looked into first: an edit list may not cost more than the video.
#pragma once

#include <memory>
#include <optional>
#include <set>

#include "media/address_guard.h"
#include "media/ahead_io.h"
#include "media/av_source.h"
#include "media/descriptor_io.h"
#include "media/mp4_boxes.h"
#include "media/still_metadata.h"

namespace streamdiffusion::media {

class InputIo {
 public:
  /// `interrupt` must outlive this object.
  explicit InputIo(AvInterrupt& interrupt) : interrupt_(interrupt) {}
  ~InputIo();
  InputIo(const InputIo&) = delete;
  InputIo& operator=(const InputIo&) = delete;

  /// Sets context.pb, where libav is not to open the input itself, and the options about edit
  /// lists, with a warning where one is not obeyed. An address of the web gets a guard, unless the
  /// user allows its protocol by name. `context.opaque` is the input's AvLog. `protocols`: those
  /// that are allowed, for the web. Returns 0, or libav's status where an address cannot be opened.
  int prepare(const AvInputSpec& spec, const std::string& protocols, AVFormatContext& context,
              AvOptions& settings);
  /// To be called with the demuxer that libav has chosen: says so where an edit list was reached by
  /// a way on which it could not be looked into, and where a still image is cropped.
  void say_what_is_not_obeyed(const std::string& name, const AVInputFormat& format) const;
  /// Numbers of the tracks that hold the titles of chapters. Where libav cannot go back, it takes
  /// them for subtitles.
  const std::set<int>& chapter_tracks() const { return chapter_tracks_; }
  /// What the header of an AVIF or a HEIC says of its image.
  const StillMetadata& still() const { return still_; }
  /// It begins as a HEIC image does, which not every libav reads.
  bool is_heic() const { return is_heic_; }
  /// Why what the input names was not opened; empty if it was. The other throws it, as unsupported.
  std::string refusal() const { return guard_ ? guard_->refusal() : std::string(); }
  void require_allowed(const std::string& name) const {
    base::require(refusal().empty(), base::ErrorCode::unsupported, name, ": ", refusal());
  }
  /// The file has no byte, or the descriptor has ended without one.
  bool is_empty() const { return empty_file_ || (pipe_ && pipe_->is_empty()); }

 private:
  void guard(const AvInputSpec& spec, AVFormatContext& context);
  int open_address(const AvInputSpec& spec, const std::string& protocols);
  /// Returns what libav reads.
  AVIOContext* look_into(AVIOContext& io, const std::string& name, AvOptions& settings);
  /// Looks into the header of an MP4. Returns false if that cannot be done.
  bool read_header(const std::string& name, AvOptions& settings);
  /// Of a file that libav opens itself.
  void look_into(const std::string& file);
  void look_at_beginning(std::span<const std::byte> first, const std::string& name);
  std::optional<std::uint64_t> end_of_images_before_index(const ReadAt& read);
  /// Keeps all that is read of an input whose format has to go back in it, where it cannot. Throws
  /// unsupported for one that is too long for that. `end`: where it ends at the earliest.
  void keep_whole(const std::string& name, const char* what, const char* way_out,
                  std::uint64_t end = 0);

  AvInterrupt& interrupt_;
  std::unique_ptr<DescriptorIo> pipe_;
  std::optional<AddressGuard> guard_;
  AVIOContext* address_ = nullptr;
  std::unique_ptr<AheadIo> ahead_;
  /// libav reads the start of an edit list alone, which is bounded.
  bool edits_in_part_ = false;
  std::set<int> chapter_tracks_;
  StillMetadata still_;
  bool is_heic_ = false, empty_file_ = false;
};

}  // namespace streamdiffusion::media
