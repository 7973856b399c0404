#include "server/frame_seconds.h"

#include <algorithm>

#include "server/work_limit.h"

namespace streamdiffusion::server {

FrameSeconds::Curve FrameSeconds::curve(double few, double few_macs, double many,
                                        double many_macs) {
  const double low = few_macs / few, high = many_macs / many;
  if (many <= few) return {low, 0};
  const double square = std::max((high - low) / (many - few), 0.0);
  return {std::max(low - few * square, 0.0), square};
}

FrameSeconds::Curve FrameSeconds::scaled(Curve curve, double pixels, double seconds) {
  const double macs = curve.at(pixels);
  if (macs <= 0) return {seconds / pixels, 0};
  return {curve.linear * seconds / macs, curve.square * seconds / macs};
}

FrameSeconds::FrameSeconds(const Sample& small, const Sample& large, const Measured& measured)
    : row_(scaled(curve(small.pixels, small.cost.row_macs, large.pixels, large.cost.row_macs),
                  measured.pixels, measured.unet_seconds / measured.rows)),
      autoencoder_(scaled(curve(small.pixels, small.cost.autoencoder_macs, large.pixels,
                                large.cost.autoencoder_macs),
                          measured.pixels, measured.autoencoder_seconds)) {}

double FrameSeconds::of(const SessionOptions& options, const AdapterWork& adapters) const {
  const double pixels = static_cast<double>(*options.width) * *options.height;
  const double rows = rows_worth(options, adapters) / options.frame_buffer_size;
  return rows * row_.at(pixels) + autoencoder_.at(pixels);
}

}  // namespace streamdiffusion::server
