// What an engine owns, shared by its sessions.
#pragma once

#include <memory>
#include <optional>

#include "base/turns.h"
#include "session/calibration_table.h"
#include "session/plans.h"
#include "session/prompts.h"
#include "session/seats.h"
#include "streamdiffusion/engine.h"

namespace streamdiffusion {

class Engine::Impl {
 public:
  /// For calibrating: what the options do not say.
  struct Extras {
    bool collect_activation_stats = false;
    std::optional<session::CalibrationTable> calibration;
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
  const std::optional<session::CalibrationTable> calibration;
  session::Plans plans;
  session::Prompts prompts;
};

}  // namespace streamdiffusion
