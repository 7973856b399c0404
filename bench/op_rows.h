// Ops at the sizes of real models, one row each.
#pragma once

#include <vector>

#include "support/op_case.h"

namespace streamdiffusion::bench {

/// Named kind/model/size, e.g. "conv2d/sd-turbo/64x64_320_to_320".
std::vector<backend::test::OpCase> op_rows();

}  // namespace streamdiffusion::bench
