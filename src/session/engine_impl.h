// What an engine owns, shared by its sessions.
#pragma once

#include <memory>
#include <optional>

#include "base/fair_mutex.h"
#include "session/calibration_table.h"
#include "session/executable_cache.h"
#include "session/prompts.h"
#include "session/session_limit.h"
#include "streamdiffusion/engine.h"

namespace streamdiffusion {

class Engine::Impl {
 public:
  /// What the options do not say.
  struct Extras {
    /// For calibration: note what goes into every op that may run in int8.
    bool collect_activation_stats = false;
    std::optional<session::CalibrationTable> calibration;
    /// Instead of the model's own UNet. Used by tests.
    session::BuildUNet build_unet;
  };
  Impl(const EngineOptions& options, Extras extras);

  const session::Model model;
  session::SessionLimit live_sessions;
  /// Held for the calls of one batch, so that sessions run a batch each in turn. A batch over several
  /// sessions would be formed here, of those that wait.
  base::FairMutex turn_mutex;
  const std::unique_ptr<backend::Device> device;
  const tensor::DType dtype;
  const std::optional<session::CalibrationTable> calibration;
  session::ExecutableCache executables;
  session::Prompts prompts;
};

}  // namespace streamdiffusion
