// How much of an image each product of the autoencoder costs in 8 bits.
#pragma once

#include "session/engine_impl.h"
#include "streamdiffusion/image.h"

namespace streamdiffusion::session {

/// Mean squared difference of two images of one size, in steps of 0..255.
double squared_difference(std::span<const std::uint8_t> a, std::span<const std::uint8_t> b);

/// Encodes and decodes one image again and again, each time with another product in 8 bits.
class RoundTrip {
 public:
  /// `engine` must have no quantization, and outlive this.
  RoundTrip(const Engine::Impl& engine, const Image& image);

  /// What one product alone costs. Only the half it belongs to is compiled.
  double cost(const std::string& product, const graph::Range& range, bool decoder);

 private:
  const Engine::Impl& engine_;
  Image image_;
  ExecutableCache exact_;
  SharedExecutable encoder_, decoder_;
  std::vector<float> latents_;
  std::vector<std::uint8_t> decoded_;
};

}  // namespace streamdiffusion::session
