// read(2) and write(2) with poll(2) before each call.
#include "media/descriptor_io.h"

#include <poll.h>
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

}  // namespace

DescriptorIo::DescriptorIo(int descriptor, Direction direction, AvInterrupt& interrupt, bool close)
    : descriptor_(descriptor), close_(close), interrupt_(interrupt) {
  auto* buffer = static_cast<unsigned char*>(av_malloc(kBufferBytes));
  const bool out = direction == Direction::write;
  if (buffer != nullptr) {
    context_ = avio_alloc_context(buffer, kBufferBytes, out ? 1 : 0, this,
                                  out ? nullptr : &DescriptorIo::read,
                                  out ? &DescriptorIo::write : nullptr, nullptr);
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
