// How long the device works for a frame of a stream, predicted from one that was measured.
//
// Seconds go with multiplications, apart for the UNet and the autoencoder, since these run at
// different speeds. Multiplications of one row grow with the pixels, and those of self-attention
// with their square, so two sizes tell those of all.
#pragma once

#include "server/stream_factory.h"
#include "streamdiffusion/engine.h"

namespace streamdiffusion::server {

class FrameSeconds {
 public:
  /// Multiplications at a size.
  struct Sample {
    double pixels = 0;
    FrameCost cost;
  };
  /// A frame of so many pixels and rows took the device so many seconds.
  struct Measured {
    double pixels = 0, rows = 0, unet_seconds = 0, autoencoder_seconds = 0;
  };
  /// Predicts 0: nothing is known.
  FrameSeconds() = default;
  /// The samples are of two sizes; of one, seconds go with the pixels.
  FrameSeconds(const Sample& small, const Sample& large, const Measured& measured);

  /// Seconds of a frame. `options` has every default filled in.
  double of(const SessionOptions& options, const AdapterWork& adapters) const;

 private:
  /// Seconds by pixels.
  struct Curve {
    double linear = 0, square = 0;
    double at(double pixels) const { return pixels * (linear + pixels * square); }
  };
  static Curve curve(double few, double few_macs, double many, double many_macs);
  static Curve scaled(Curve curve, double pixels, double seconds);

  Curve row_, autoencoder_;
};

}  // namespace streamdiffusion::server
