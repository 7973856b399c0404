// A moving pattern, so that no frame is like the last.
#pragma once

#include "streamdiffusion/image.h"

namespace streamdiffusion::app {

Image test_frame(int width, int height, int index);

}  // namespace streamdiffusion::app
