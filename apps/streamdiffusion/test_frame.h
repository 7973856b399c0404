// A moving pattern: no frame is like the last where moments are 1 apart, all are where they are the
// same.
#pragma once

#include "streamdiffusion/image.h"

namespace streamdiffusion::app {

Image test_frame(int width, int height, double moment);

}  // namespace streamdiffusion::app
