// One image that shows many.
#pragma once

#include <vector>

#include "streamdiffusion/image.h"

namespace streamdiffusion::image {

/// Outputs, each below its input where there are inputs, `columns` a line. Cells are `cell` pixels
/// a side, images fitted inside. Throws invalid_argument where there are no outputs, or inputs of
/// another number.
Image contact_sheet(const std::vector<Image>& inputs, const std::vector<Image>& outputs,
                    int columns, int cell);

}  // namespace streamdiffusion::image
