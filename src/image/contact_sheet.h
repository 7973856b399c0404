// A contact sheet: one image that shows many, in rows.
#pragma once

#include <vector>

#include "streamdiffusion/image.h"

namespace streamdiffusion::image {

/// Shows `outputs` in rows of `columns` cells. A cell is a square of `cell` pixels a side with its
/// image fitted inside. Where there are inputs, each stands above its output. Throws
/// invalid_argument if there are no outputs, or if there are inputs but not as many.
Image contact_sheet(const std::vector<Image>& inputs, const std::vector<Image>& outputs,
                    int columns, int cell);

}  // namespace streamdiffusion::image
