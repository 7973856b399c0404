// What an engine owns, shared by its sessions.
#pragma once

#include <memory>
#include <optional>

#include "base/turns.h"
#include "session/plans.h"
#include "session/prompts.h"
#include "session/quantization.h"
#include "session/seats.h"
#include "streamdiffusion/engine.h"

namespace streamdiffusion {

class Engine::Impl {
 public:
  /// What the options do not say.
  struct Extras {
    /// For calibration: note what goes into every op that may run in int8.
    bool observe = false;
    std::optional<session::Quantization> quantization;
    /// Instead of the model's own UNet. Used by tests.
    session::BuildUNet build_unet;
  };
  Impl(const EngineOptions& options, Extras extras);

  const session::Model model;
  /// Of live sessions.
  session::Seats seats;
  /// A frame's calls are one turn; one session follows the other. The seam for drawing frames of
  /// several sessions in one UNet call: what waits here together could go together.
  base::Turns turns;
  const std::unique_ptr<backend::Device> device;
  const tensor::DType dtype;
  const std::optional<session::Quantization> quantization;
  session::Plans plans;
  session::Prompts prompts;
};

}  // namespace streamdiffusion
