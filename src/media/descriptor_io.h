// An AVIOContext over a pipe. FFmpeg's own context waits inside read(2) and cannot be interrupted.
// This one waits in poll(2), 50 ms at a time, and checks for a stop in between. A descriptor of a
// regular file ("< a.mp4") can be moved, as the file can.
#pragma once

#include <string>

#include "media/av.h"

namespace streamdiffusion::media {

class DescriptorIo {
 public:
  enum class Direction { read, write };
  /// Closes the descriptor at the end only if `close`. `interrupt` must outlive this object.
  DescriptorIo(int descriptor, Direction direction, AvInterrupt& interrupt, bool close = false);
  ~DescriptorIo();
  DescriptorIo(const DescriptorIo&) = delete;
  DescriptorIo& operator=(const DescriptorIo&) = delete;
  AVIOContext* context() { return context_; }
  /// It has ended without a byte.
  bool is_empty() const { return ended_ && !any_read_; }

 private:
  static int read(void* self, std::uint8_t* data, int size);
  static std::int64_t seek(void* self, std::int64_t offset, int whence);
  static int write(void* self, std::uint8_t* data, int size);
  /// Waits for poll(2) `events`: 0 when ready, or a libav error code.
  int wait(short events) const;

  int descriptor_;
  bool close_;
  bool any_read_ = false, ended_ = false;
  /// Of a regular file: where it stood at first, which counts as its beginning; else -1.
  std::int64_t begin_ = -1;
  AvInterrupt& interrupt_;
  AVIOContext* context_ = nullptr;
};

}  // namespace streamdiffusion::media
