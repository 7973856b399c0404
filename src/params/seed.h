// Seeds that are drawn.
#pragma once

#include <cstdint>

namespace streamdiffusion::params {

/// The seed itself; for kDrawSeed a drawn one of 32 bits, which is logged.
std::int64_t resolved_seed(std::int64_t seed);

}  // namespace streamdiffusion::params
