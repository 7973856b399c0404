// How much error an autoencoder op causes in the image when it alone runs in int8.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "session/engine_impl.h"
#include "streamdiffusion/image.h"

namespace streamdiffusion::session {

/// Mean squared error of two images of the same size, values 0..255.
double mean_squared_error(std::span<const std::uint8_t> a, std::span<const std::uint8_t> b);

/// Encodes and decodes one image, each time with another op in int8.
class LayerError {
 public:
  /// `engine` must have no calibration, and must outlive this.
  LayerError(const Engine::Impl& engine, const Image& image);

  /// Mean squared error of the decoded image when the named op alone runs in int8. Only the encoder
  /// or the decoder is compiled, whichever has the op.
  double error_of(const std::string& op, const graph::ActivationRange& range, bool in_decoder);

 private:
  const Engine::Impl& engine_;
  Image image_;
  ExecutableCache exact_;
  SharedExecutable encoder_, decoder_;
  std::vector<float> latents_;
  std::vector<std::uint8_t> decoded_;
};

}  // namespace streamdiffusion::session
