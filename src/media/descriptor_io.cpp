// read(2) and write(2) with poll(2) before each call.
#include "media/descriptor_io.h"

#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <new>

extern "C" {
#include <libavutil/mem.h>
}

namespace streamdiffusion::media {
namespace {

constexpr int kBufferBytes = 1 << 16;
/// How long poll(2) waits before a stop is checked for.
constexpr int kPollMilliseconds = 50;
/// PIPE_BUF: a pipe that polls as writable takes this much without blocking.
constexpr std::size_t kMaxWriteBytes = 4096;

/// Where a regular file stands; -1 for anything else.
std::int64_t position_in_file(int descriptor) {
  struct stat status {};
  if (::fstat(descriptor, &status) != 0 || !S_ISREG(status.st_mode)) return -1;
  return ::lseek(descriptor, 0, SEEK_CUR);
}

}  // namespace

DescriptorIo::DescriptorIo(int descriptor, Direction direction, AvInterrupt& interrupt, bool close)
    : descriptor_(descriptor), close_(close), interrupt_(interrupt) {
  auto* buffer = static_cast<unsigned char*>(av_malloc(kBufferBytes));
  const bool out = direction == Direction::write;
  if (!out) begin_ = position_in_file(descriptor);
  if (buffer != nullptr) {
    context_ = avio_alloc_context(
        buffer, kBufferBytes, out ? 1 : 0, this, out ? nullptr : &DescriptorIo::read,
        out ? &DescriptorIo::write : nullptr, begin_ >= 0 ? &DescriptorIo::seek : nullptr);
  }
  if (context_ == nullptr) {
    av_free(buffer);
    throw std::bad_alloc();
  }
}

DescriptorIo::~DescriptorIo() {
  av_freep(&context_->buffer);
  avio_context_free(&context_);
  if (close_) ::close(descriptor_);
}

int DescriptorIo::wait(short events) const {
  pollfd entry{descriptor_, events, 0};
  while (true) {
    if (interrupt_.stopped() || interrupt_.timed_out()) return AVERROR_EXIT;
    const int ready = ::poll(&entry, 1, kPollMilliseconds);
    if (ready > 0) return 0;
    if (ready < 0 && errno != EINTR) return AVERROR(errno);
  }
}

int DescriptorIo::read(void* self, std::uint8_t* data, int size) {
  auto* io = static_cast<DescriptorIo*>(self);
  while (true) {
    if (const int status = io->wait(POLLIN); status < 0) return status;
    const ssize_t count = ::read(io->descriptor_, data, static_cast<std::size_t>(size));
    if (count > 0) {
      io->any_read_ = true;
      return static_cast<int>(count);
    }
    if (count == 0) {
      io->ended_ = true;
      return AVERROR_EOF;
    }
    if (errno != EINTR && errno != EAGAIN) return AVERROR(errno);
  }
}

std::int64_t DescriptorIo::seek(void* self, std::int64_t offset, int whence) {
  const auto* io = static_cast<const DescriptorIo*>(self);
  if ((whence & AVSEEK_SIZE) != 0) {
    struct stat status {};
    return ::fstat(io->descriptor_, &status) == 0 ? status.st_size - io->begin_ : AVERROR(errno);
  }
  const int from = whence & ~AVSEEK_FORCE;
  const std::int64_t at = from == SEEK_SET ? offset + io->begin_ : offset;
  const off_t reached = ::lseek(io->descriptor_, at, from);
  return reached < 0 ? AVERROR(errno) : reached - io->begin_;
}

int DescriptorIo::write(void* self, std::uint8_t* data, int size) {
  const auto* io = static_cast<const DescriptorIo*>(self);
  int done = 0;
  while (done < size) {
    if (const int status = io->wait(POLLOUT); status < 0) return status;
    const ssize_t count = ::write(io->descriptor_, data + done,
                                  std::min(kMaxWriteBytes, static_cast<std::size_t>(size - done)));
    if (count >= 0) {
      done += static_cast<int>(count);
    } else if (errno != EINTR && errno != EAGAIN) {
      return AVERROR(errno);
    }
  }
  return size;
}

}  // namespace streamdiffusion::media
