// What a client is told that asked for too much: fewer steps, or a smaller size.
#pragma once

#include <functional>
#include <string>

#include "streamdiffusion/options.h"

namespace streamdiffusion::server {

struct Fitting {
  /// At the size that was asked for; 0 where not even one fits.
  int steps = 0;
  /// With the steps that were asked for: the largest of the same shape. 0 where none fits.
  int width = 0, height = 0;

  /// "2 steps at this size, or 512x512 with these steps"
  std::string text() const;
};

/// `options` has every default filled in. Sides are multiples of `factor`. `fits` says the same of
/// whatever takes less.
Fitting what_fits(const SessionOptions& options, int factor,
                  const std::function<bool(const SessionOptions&)>& fits);

}  // namespace streamdiffusion::server
