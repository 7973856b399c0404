// The boxes that MP4 and QuickTime files are made of (ISO/IEC 14496-12), read from anything that
// can be looked into. For what has to be known before libav reads the file.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <optional>
#include <set>
#include <span>
#include <string_view>
#include <vector>

namespace streamdiffusion::media {

/// Fills the bytes with what stands at an offset.
using ReadAt = std::function<void(std::uint64_t offset, std::span<std::byte> out)>;

struct Mp4Box {
  std::array<char, 4> type{};
  /// Of its content.
  std::uint64_t begin = 0, end = 0;
  bool is(std::string_view name) const { return std::string_view(type.data(), 4) == name; }
};

/// Bytes of a table, big-endian. Beyond the end there are zeros.
class Mp4Table {
 public:
  Mp4Table() = default;
  explicit Mp4Table(std::vector<std::byte> bytes) : bytes_(std::move(bytes)) {}
  std::uint64_t number(std::size_t offset, std::size_t size) const;
  /// Entries of `size` bytes from `offset` on: as many as it says, or as there are.
  std::size_t entries(std::size_t said, std::size_t offset, std::size_t size) const {
    return bytes_.size() < offset ? 0 : std::min(said, (bytes_.size() - offset) / size);
  }
  /// From `offset` to the end.
  std::vector<std::byte> bytes_from(std::size_t offset) const {
    const auto from = static_cast<std::ptrdiff_t>(std::min(offset, bytes_.size()));
    return {bytes_.begin() + from, bytes_.end()};
  }
  std::size_t size() const { return bytes_.size(); }
  bool empty() const { return bytes_.empty(); }
  /// It was not read.
  bool too_long = false;

 private:
  std::vector<std::byte> bytes_;
};

/// A file of `size` bytes. Throws what `read` throws.
class Mp4File {
 public:
  Mp4File(const ReadAt& read, std::uint64_t size) : read_(read), size_(size) {}

  Mp4Box whole() const { return {{}, 0, size_}; }
  Mp4Table bytes(std::uint64_t begin, std::uint64_t end) const;
  /// The first box of that name inside another one.
  std::optional<Mp4Box> find(const Mp4Box& parent, std::string_view name) const;
  /// Each box inside another one, until `next` returns false.
  void visit(const Mp4Box& parent, const std::function<bool(const Mp4Box&)>& next) const;
  /// The table of a box at that place inside another one; empty where there is none.
  Mp4Table table(const Mp4Box& parent, std::initializer_list<std::string_view> path) const;
  Mp4Table content(const Mp4Box& box) const;

 private:
  const ReadAt& read_;
  const std::uint64_t size_;
};

/// Where the image data ends, if it stands before the index (moov), as camera programs and ffmpeg
/// write it; nothing if the index comes first. Looks at the first level alone.
std::optional<std::uint64_t> end_of_data_before_index(const Mp4File& file);

/// The numbers of the tracks whose texts are the chapters of another one (QuickTime's `chap`).
std::set<int> chapter_tracks(const Mp4File& file);

}  // namespace streamdiffusion::media
