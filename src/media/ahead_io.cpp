#include "media/ahead_io.h"

#include <algorithm>
#include <cstring>
#include <new>

extern "C" {
#include <libavutil/mem.h>
}

#include "base/error.h"

namespace streamdiffusion::media {
namespace {

constexpr int kAheadBufferBytes = 1 << 16;
/// A shorter way is read, also where the input can be moved: a request to a server takes longer.
constexpr std::int64_t kReadThrough = 1 << 20;

}  // namespace

AheadIo::AheadIo(AVIOContext& inner) : inner_(inner) {
  auto* buffer = static_cast<unsigned char*>(av_malloc(kAheadBufferBytes));
  if (buffer != nullptr) {
    context_ = avio_alloc_context(buffer, kAheadBufferBytes, 0, this, &AheadIo::read, nullptr,
                                  &AheadIo::seek);
  }
  if (context_ == nullptr) {
    av_free(buffer);
    throw std::bad_alloc();
  }
  context_->seekable = inner.seekable;
}

AheadIo::~AheadIo() {
  av_freep(&context_->buffer);
  avio_context_free(&context_);
}

bool AheadIo::keep_whole() {
  std::vector<std::byte> block(std::size_t{1} << 16U);
  try {
    while (true)
      read_ahead(kept_.empty() ? 0 : static_cast<std::uint64_t>(kept_.back().end()), block);
  } catch (const Error& error) {
    whole_ = error.code() != base::ErrorCode::unsupported;
  }
  if (whole_) context_->seekable = AVIO_SEEKABLE_NORMAL;
  return whole_;
}

std::uint64_t AheadIo::size() {
  const std::int64_t size = whole_size();
  constexpr std::uint64_t kUnknown = std::uint64_t{1} << 62U;
  return size > 0 ? static_cast<std::uint64_t>(size) : kUnknown;
}

/// In bytes, or a negative number if it is not known.
std::int64_t AheadIo::whole_size() const {
  if (!whole_) return avio_size(&inner_);
  return kept_.empty() ? 0 : kept_.back().end();
}

bool AheadIo::move_to(std::int64_t offset) {
  if (offset == inner_position_) return true;
  if ((inner_.seekable & AVIO_SEEKABLE_NORMAL) == 0) return false;
  if (avio_seek(&inner_, offset, SEEK_SET) != offset) return false;
  inner_position_ = offset;
  return true;
}

const AheadIo::Kept* AheadIo::find(std::int64_t offset) const {
  const auto holds = [&](const Kept& part) { return offset >= part.offset && offset < part.end(); };
  const auto found = std::ranges::find_if(kept_, holds);
  return found == kept_.end() ? nullptr : &*found;
}

AheadIo::Kept& AheadIo::part_before(std::int64_t offset) {
  for (Kept& part : kept_) {
    const bool near = offset - part.end() <= kReadThrough;
    if (part.end() <= offset && near && move_to(part.end())) return part;
  }
  if (!kept_.empty() && move_to(offset)) return kept_.emplace_back(Kept{offset, {}});
  if (kept_.empty()) kept_.push_back({0, {}});
  return kept_.back();  // a pipe: everything up to there
}

std::vector<std::byte> AheadIo::first(std::size_t count) {
  std::vector<std::byte> bytes(count);
  try {
    read_ahead(0, bytes);
  } catch (const Error&) {  // it is shorter
    bytes = kept_.empty() ? std::vector<std::byte>() : kept_.front().bytes;
  }
  return bytes;
}

void AheadIo::read_ahead(std::uint64_t offset, std::span<std::byte> out) {
  auto at = static_cast<std::int64_t>(offset);
  while (!out.empty()) {
    if (const Kept* part = find(at)) {
      const auto count =
          std::min<std::size_t>(out.size(), static_cast<std::size_t>(part->end() - at));
      std::memcpy(out.data(), part->bytes.data() + (at - part->offset), count);
      out = out.subspan(count);
      at += static_cast<std::int64_t>(count);
      continue;
    }
    Kept& part = part_before(at);
    constexpr std::size_t kStep = 1 << 16;
    const std::size_t wanted =
        std::min(static_cast<std::size_t>(at - part.end()) + out.size(), kStep);
    base::require(kept_bytes_ + wanted <= kMaxKept, base::ErrorCode::unsupported, "more than ",
                  kMaxKept >> 20U, " MiB would have to be kept");
    const std::size_t before = part.bytes.size();
    part.bytes.resize(before + wanted);
    const int count =
        avio_read(&inner_, reinterpret_cast<unsigned char*>(part.bytes.data() + before),
                  static_cast<int>(wanted));
    part.bytes.resize(before + static_cast<std::size_t>(std::max(count, 0)));
    base::require(count > 0, base::ErrorCode::io, "it ends, or cannot be read");
    inner_position_ += count;
    kept_bytes_ += static_cast<std::size_t>(count);
  }
}

int AheadIo::read(void* self, std::uint8_t* data, int size) {
  auto* io = static_cast<AheadIo*>(self);
  int count = 0;
  if (const Kept* part = io->find(io->position_)) {
    count = static_cast<int>(std::min<std::int64_t>(size, part->end() - io->position_));
    std::memcpy(data, part->bytes.data() + (io->position_ - part->offset),
                static_cast<std::size_t>(count));
  } else {
    if (io->whole_) return AVERROR_EOF;
    if (!io->move_to(io->position_)) return AVERROR(EIO);
    if (io->context_->seekable == 0) io->kept_.clear();  // it never comes back
    count = avio_read_partial(&io->inner_, data, size);
    if (count <= 0) return count == 0 ? AVERROR_EOF : count;
    io->inner_position_ += count;
  }
  io->position_ += count;
  return count;
}

std::int64_t AheadIo::seek(void* self, std::int64_t offset, int whence) {
  auto* io = static_cast<AheadIo*>(self);
  const std::int64_t size = io->whole_size();
  if ((whence & AVSEEK_SIZE) != 0) return size;
  switch (whence & ~AVSEEK_FORCE) {
    case SEEK_CUR:
      offset += io->position_;
      break;
    case SEEK_END:
      offset += size;
      break;
    default:
      break;
  }
  if (offset < 0) return AVERROR(EINVAL);
  if (io->context_->seekable == 0 && offset != io->position_) return AVERROR(EPIPE);
  return io->position_ = offset;
}

}  // namespace streamdiffusion::media
