// What a card can do at most.
#pragma once

#include "cuda/card.h"

namespace streamdiffusion::bench {

/// TFLOP/s of a product of 8192 x 8192 matrices in bf16, GB/s of a copy within the card (read plus
/// written), and microseconds of a small kernel in a CUDA graph of 1000.
nlohmann::json measure_peaks(Card& card);

}  // namespace streamdiffusion::bench
