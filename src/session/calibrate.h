// Calibration for int8: chooses the ops that run in int8, from a few frames.
#pragma once

#include <span>

#include "session/calibration_table.h"
#include "streamdiffusion/engine.h"
#include "streamdiffusion/image.h"

namespace streamdiffusion::session {

/// Generates an image for each frame (for synthetic drawings, if there are none) in the engine's
/// own type and collects the input range of every op. Autoencoder ops are then tried in int8 one at
/// a time, and those with the largest image error for their work keep their type. UNet ops keep
/// their type where quantization would leave their input too little signal. Takes as long as some
/// tens of frames. Throws Error as Engine::open and Engine::session do.
Calibration calibrate(const EngineOptions& options, std::span<const Image> frames,
                      CalibrationTable& table);

/// The table that an int8 engine uses: of the file that the options name, else of the model's own
/// int8.json, else of the user's cache, else of a new calibration, which is then cached.
CalibrationTable calibration_for(const EngineOptions& options);

}  // namespace streamdiffusion::session
