// How an 8-bit form of a model is found: by running a few frames.
#pragma once

#include <span>

#include "session/quantization.h"
#include "streamdiffusion/engine.h"
#include "streamdiffusion/image.h"

namespace streamdiffusion::session {

/// Draws the frames (drawings made up here, where there are none) in the engine's own type and
/// looks at what goes into every product. Of the autoencoder, each product is then tried alone, and
/// those that spoil most of an image for their work keep their type; of the UNet, those whose
/// input would have too little signal above the rounding. Takes the time of some tens of frames.
/// Throws Error as Engine::open and Engine::session.
Calibration calibrate(const EngineOptions& options, std::span<const Image> frames,
                      Quantization& found);

/// What an engine of the type int8 uses: the file that the options name, the model's own int8.json,
/// the cache, or a new calibration, which is then put into the cache.
Quantization quantization_for(const EngineOptions& options);

}  // namespace streamdiffusion::session
