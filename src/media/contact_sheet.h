// One picture that shows many.
#pragma once

#include <vector>

#include "streamdiffusion/image.h"

namespace streamdiffusion::media {

/// Pairs of pictures, each input above its output, `columns` pairs a line. Cells are `cell` pixels
/// a side, pictures fitted inside. The lists have one length; throws invalid_argument otherwise or
/// for none.
Image contact_sheet(const std::vector<Image>& above, const std::vector<Image>& below, int columns,
                    int cell);

}  // namespace streamdiffusion::media
