// A pipe as the libraries' input or output. Their own waits in read(2) cannot be ended from
// outside; this one polls.
#pragma once

#include <string>

#include "media/av.h"

namespace streamdiffusion::media {

class DescriptorIo {
 public:
  enum class Direction { read, write };
  /// Does not own the descriptor unless `close`; `interrupt` must outlive this.
  DescriptorIo(int descriptor, Direction direction, AvInterrupt& interrupt, bool close = false);
  ~DescriptorIo();
  DescriptorIo(const DescriptorIo&) = delete;
  DescriptorIo& operator=(const DescriptorIo&) = delete;
  AVIOContext* context() { return context_; }

 private:
  static int read(void* self, std::uint8_t* data, int size);
  static int write(void* self, std::uint8_t* data, int size);
  /// 0 when ready, or a libav error code.
  int wait(short events) const;

  int descriptor_;
  bool close_;
  AvInterrupt& interrupt_;
  AVIOContext* context_ = nullptr;
};

}  // namespace streamdiffusion::media
