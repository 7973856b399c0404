// The edit lists of MP4 and QuickTime files, which say which parts of a track are played. A part
// may be named any number of times, and libav makes an entry of its index for each frame of each: a
// small file can so fill all memory, in a loop that no signal ends. This counts before libav does.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "media/mp4_boxes.h"

namespace streamdiffusion::media {

/// Of one track.
struct EditList {
  /// The header is compressed; the rest is not known.
  bool hidden = false;
  std::uint64_t edits = 0;
  /// What the edits play in all, with the frames since the key frame before each.
  std::uint64_t frames = 0;
  /// What the track holds.
  std::uint64_t samples = 0;
  /// Far more frames than there are, or nobody knows how many.
  bool is_excessive() const;
};

/// The edit list with the most frames of a file of `size` bytes. Nothing where there is none, or
/// the file is of another kind or damaged. With `all`, also what stands behind the first image data
/// and the header is looked into. Throws what `read` throws.
std::optional<EditList> longest_edit_list(const ReadAt& read, std::uint64_t size, bool all = true);

/// Warns of an edit list that is better not obeyed. Returns false for any other.
bool warn_if_excessive(const std::optional<EditList>& list, const std::string& name);

/// The same for that of a regular file; of anything else nothing is known, which is no warning.
bool has_excessive_edits(const std::string& file, const std::string& name);

}  // namespace streamdiffusion::media
