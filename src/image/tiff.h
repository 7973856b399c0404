// The structure of TIFF 6.0, in which EXIF and MPO keep their numbers too.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string_view>

namespace streamdiffusion::image {

/// Reads numbers from a TIFF block in its byte order; outside the block every number is 0.
class TiffReader {
 public:
  explicit TiffReader(std::span<const std::byte> bytes)
      : bytes_(bytes), little_(!bytes.empty() && bytes[0] == std::byte{'I'}) {}

  /// `length` is 2 or 4 bytes.
  std::uint32_t number(std::size_t at, std::size_t length) const {
    if (at > bytes_.size() || bytes_.size() - at < length) return 0;
    std::uint32_t value = 0;
    for (std::size_t i = 0; i < length; ++i) {
      const std::size_t from = little_ ? at + length - 1 - i : at + i;
      value = (value << 8U) | std::to_integer<std::uint32_t>(bytes_[from]);
    }
    return value;
  }

  bool has_text(std::size_t at, std::string_view text) const {
    return at <= bytes_.size() && bytes_.size() - at >= text.size() &&
           std::memcmp(bytes_.data() + at, text.data(), text.size()) == 0;
  }

 private:
  std::span<const std::byte> bytes_;
  bool little_;
};

/// One directory of a TIFF structure: entries of a tag, a type, a count, and a value or its offset.
class Directory {
 public:
  Directory(const TiffReader& reader, std::size_t at, std::size_t bytes)
      : reader_(reader), at_(at), bytes_(bytes) {}

  /// Where the value of a tag lies in its entry; empty if the directory has none.
  std::optional<std::size_t> find(std::uint32_t tag) const {
    constexpr std::size_t kValue = 8;
    const std::uint32_t entries = reader_.number(at_, kCount);
    for (std::uint32_t i = 0; i < entries; ++i) {
      const std::size_t entry = at_ + kCount + kEntry * std::size_t{i};
      if (entry >= bytes_) break;
      if (reader_.number(entry, 2) == tag) return entry + kValue;
    }
    return std::nullopt;
  }

  /// Where the next directory begins; 0 after the last.
  std::size_t next() const {
    return reader_.number(at_ + kCount + kEntry * std::size_t{reader_.number(at_, kCount)}, 4);
  }

  /// The directory that a tag points to; an empty one if there is none.
  Directory child(std::uint32_t tag) const {
    const auto value = find(tag);
    return {reader_, value ? reader_.number(*value, 4) : bytes_, bytes_};
  }

 private:
  static constexpr std::size_t kCount = 2, kEntry = 12;

  const TiffReader& reader_;
  std::size_t at_, bytes_;
};

}  // namespace streamdiffusion::image
