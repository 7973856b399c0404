// The edit lists of MP4 and QuickTime files, which say which parts of a track are played. A part
// may be named any number of times, and libav makes an entry of its index for each frame of each: a
// small file can so fill all memory, in a loop that no signal ends. This counts before libav does.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>

namespace streamdiffusion::media {

/// Of one track.
struct EditList {
  std::uint64_t edits = 0;
  /// What the edits play in all, with the frames since the key frame before each.
  std::uint64_t frames = 0;
  /// What the track holds.
  std::uint64_t samples = 0;
  /// Far more frames than there are.
  bool is_excessive() const;
};

/// Fills the bytes with what stands at an offset.
using ReadAt = std::function<void(std::uint64_t offset, std::span<std::byte> out)>;

/// The edit list with the most frames of a file of `size` bytes. Nothing where there is none, or
/// the file is of another kind or damaged. Throws what `read` throws.
std::optional<EditList> longest_edit_list(const ReadAt& read, std::uint64_t size);

/// Whether an input's edit list is better not obeyed, and a warning if so. `file` may be empty, and
/// `descriptor` -1. Only regular files are looked into.
bool has_excessive_edits(const std::string& file, int descriptor, const std::string& name);

}  // namespace streamdiffusion::media
