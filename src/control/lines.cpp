#include "control/lines.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <numeric>

#include "control/planes.h"

namespace streamdiffusion::control {
namespace {

/// The derivative and the smoothing kernel of a Sobel operator (those of OpenCV's getDerivKernels).
struct Sobel {
  std::vector<float> derivative, smoothing;
  float weight;
};
const std::array<Sobel, 3> kSobels{{{{-1, 0, 1}, {1, 2, 1}, 0.5F},
                                    {{-1, -2, 0, 2, 1}, {1, 4, 6, 4, 1}, 0.3F},
                                    {{-1, -4, -5, 0, 5, 4, 1}, {1, 6, 15, 20, 15, 6, 1}, 0.2F}}};

/// Adds the weighted size of the gradient to `sum`.
void add_gradient(const Plane& gray, const Sobel& sobel, Plane& sum) {
  const Plane dx = convolve(gray, sobel.derivative, sobel.smoothing);
  const Plane dy = convolve(gray, sobel.smoothing, sobel.derivative);
  const auto half = static_cast<std::ptrdiff_t>(sobel.derivative.size() / 2);
  const float step = std::accumulate(sobel.derivative.end() - half, sobel.derivative.end(), 0.0F) *
                     std::accumulate(sobel.smoothing.begin(), sobel.smoothing.end(), 0.0F);
  const float factor = sobel.weight / step;
  for (std::size_t i = 0; i < sum.values.size(); ++i) {
    sum.values[i] += factor * std::sqrt(dx.values[i] * dx.values[i] + dy.values[i] * dy.values[i]);
  }
}

/// The smallest of `wide - narrow` over the colors; a `narrow` of 0 is the image itself.
Plane darker_than_around(const ImageView& image, float narrow, float wide) {
  Plane least(image.width, image.height);
  std::fill(least.values.begin(), least.values.end(), std::numeric_limits<float>::max());
  for (int c = 0; c < 3; ++c) {
    const Plane color = channel(image, c);
    const Plane around = gaussian(color, wide);
    const Plane here = narrow > 0 ? gaussian(color, narrow) : color;
    for (std::size_t i = 0; i < least.values.size(); ++i)
      least.values[i] = std::min(least.values[i], around.values[i] - here.values[i]);
  }
  return least;
}

/// Of the values above `floor`; 0 if there are none.
float median_above(const std::vector<float>& values, float floor) {
  std::vector<float> above;
  std::copy_if(values.begin(), values.end(), std::back_inserter(above),
               [floor](float value) { return value > floor; });
  if (above.empty()) return 0;
  const auto middle = above.begin() + static_cast<std::ptrdiff_t>(above.size() / 2);
  std::nth_element(above.begin(), middle, above.end());
  return *middle;
}

}  // namespace

Image soft_edge(const ImageView& image) {
  const Plane brightness = gray(image);
  Plane sum(image.width, image.height);
  for (const Sobel& sobel : kSobels) add_gradient(brightness, sobel, sum);
  Plane edges = gaussian(sum, 1);
  const float most = *std::max_element(edges.values.begin(), edges.values.end());
  const float factor = most > 0 ? 6 / most : 0;
  for (float& value : edges.values) value = 255 / (1 + std::exp(3 - factor * value));
  return to_image(edges);
}

Image scribble(const ImageView& image) {
  Plane lines = darker_than_around(image, 0.5F, 5);
  for (float& value : lines.values) value = value > 16 ? 255.0F : 0.0F;
  return to_image(lines);
}

Image lineart(const ImageView& image) {
  Plane lines = darker_than_around(image, 0, 6);
  const float unit = std::max(16.0F, median_above(lines.values, 8));
  for (float& value : lines.values) value = 127 * std::max(value, 0.0F) / unit;
  return to_image(lines);
}

}  // namespace streamdiffusion::control
