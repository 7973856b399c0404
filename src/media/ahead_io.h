// An AVIOContext over another one that can be looked into before libav reads it, also where it is a
// pipe: what was read ahead is kept and given again.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "media/av.h"

namespace streamdiffusion::media {

class AheadIo {
 public:
  /// What is read ahead takes at most so much memory.
  static constexpr std::size_t kMaxKept = std::size_t{64} << 20U;

  /// `inner` stands at its start, and must outlive this object.
  explicit AheadIo(AVIOContext& inner);
  ~AheadIo();
  AheadIo(const AheadIo&) = delete;
  AheadIo& operator=(const AheadIo&) = delete;

  AVIOContext* context() { return context_; }
  /// The first bytes, or as many as there are.
  std::vector<std::byte> first(std::size_t count);
  /// Fills `out` with what stands at an offset. Throws Error: io at the end or where reading fails
  /// or is interrupted, unsupported where more would have to be kept than kMaxKept.
  void read_ahead(std::uint64_t offset, std::span<std::byte> out);
  /// Reads everything there is and keeps it, so that what cannot go back can all the same. Returns
  /// false if that is more than kMaxKept. Where reading fails, the rest counts as missing.
  bool keep_whole();
  /// Where it ends; a very large number if it does not say.
  std::uint64_t size();

 private:
  struct Kept {
    std::int64_t offset;
    std::vector<std::byte> bytes;
    std::int64_t end() const { return offset + static_cast<std::int64_t>(bytes.size()); }
  };

  static int read(void* self, std::uint8_t* data, int size);
  static std::int64_t seek(void* self, std::int64_t offset, int whence);
  /// The part that holds the byte at an offset; null if none does.
  const Kept* find(std::int64_t offset) const;
  /// The part to read on in, to reach an offset: one that ends before it, or a new one there.
  Kept& part_before(std::int64_t offset);
  std::int64_t whole_size() const;
  /// Moves the inner context. Returns false if it cannot.
  bool move_to(std::int64_t offset);

  AVIOContext& inner_;
  AVIOContext* context_ = nullptr;
  std::vector<Kept> kept_;
  std::size_t kept_bytes_ = 0;
  /// After keep_whole(): there is no more than is kept.
  bool whole_ = false;
  /// Where libav reads next, and where the inner context stands.
  std::int64_t position_ = 0, inner_position_ = 0;
};

}  // namespace streamdiffusion::media
