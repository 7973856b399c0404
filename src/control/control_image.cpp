// The public function: checks the options and chooses the image.
#include "base/error.h"
#include "control/canny.h"
#include "control/cells.h"
#include "control/check.h"
#include "control/lines.h"
#include "streamdiffusion/control.h"
#include "streamdiffusion/frame.h"

namespace streamdiffusion {
namespace {

using base::ErrorCode;

constexpr int kColorCell = 64;

template <typename T>
void check_range(const char* name, T found, T minimum, T maximum) {
  base::require(found >= minimum && found <= maximum, ErrorCode::invalid_argument,
                "control image: ", name, " is ", found, ", expected ", minimum, " to ", maximum);
}

}  // namespace

void control::check(const ControlImageOptions& o) {
  constexpr int kLargestGradient = 2040;
  check_range("high_threshold", o.high_threshold, 0, kLargestGradient);
  check_range("low_threshold", o.low_threshold, 0, o.high_threshold);
  check_range("sigma", o.sigma, 0.1F, 64.0F);
  check_range("cell", o.cell, 1, 256);
  check_range("gamma", o.gamma, 0.1F, 10.0F);
}

Image control_image(ImageView frame, const ControlImageOptions& options) {
  base::require(frame.data != nullptr && frame.width > 0 && frame.height > 0,
                ErrorCode::invalid_argument, "control image: the frame is ", frame.width, "x",
                frame.height, ", expected an image");
  control::check(options);
  switch (options.preprocessor) {
    case Preprocessor::automatic:
    case Preprocessor::passthrough:
      return to_image(frame);
    case Preprocessor::canny:
      return control::canny(frame, options.low_threshold, options.high_threshold);
    case Preprocessor::soft_edge:
      return control::soft_edge(frame);
    case Preprocessor::scribble:
      return control::scribble(frame);
    case Preprocessor::lineart:
      return control::lineart(frame);
    case Preprocessor::blur:
      return control::blur(frame, options.sigma);
    case Preprocessor::tile:
      return control::tile(frame, options.cell);
    case Preprocessor::luminance:
      return control::luminance(frame, options.gamma);
    case Preprocessor::color:
      return control::color(frame, kColorCell);
  }
  base::fail(ErrorCode::internal, "control image: no such preprocessor");
}

}  // namespace streamdiffusion
