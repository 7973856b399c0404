// Frames of Python's, and outputs for it.
#pragma once

#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>

#include <cstdint>
#include <string>

#include "streamdiffusion/c.h"

namespace streamdiffusion::python {

/// [height, width, 3 or 4], bytes, with any row stride, in this machine's memory or a card's.
using Pixels = nanobind::ndarray<const std::uint8_t, nanobind::shape<-1, -1, -1>>;

/// As the library takes it; the pixels stay where they are. `format` is "rgb" or "bgr".
streamdiffusion_frame frame_of(const Pixels& pixels, const std::string& format, std::uint64_t tag,
                               std::int64_t captured_ns);

class Output {
 public:
  explicit Output(streamdiffusion_output* output);
  Output(const Output&) = delete;
  Output& operator=(const Output&) = delete;
  ~Output() { streamdiffusion_output_release(output_); }

  const streamdiffusion_output_info& info() const { return info_; }
  /// Lives on the output's memory, which it keeps.
  nanobind::ndarray<nanobind::numpy, const std::uint8_t> image() const;

 private:
  streamdiffusion_output* output_;
  streamdiffusion_output_info info_{};
};

}  // namespace streamdiffusion::python
