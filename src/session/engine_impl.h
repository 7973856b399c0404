// What an engine owns, shared by its sessions.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>

#include "base/turn_queue.h"
#include "session/calibration_table.h"
#include "session/executable_cache.h"
#include "session/image_encoder.h"
#include "session/prompts.h"
#include "session/row_pools.h"
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
    /// Instead of the one that the options name. Used by tests.
    std::unique_ptr<backend::Device> device;
    /// Of the turns, as base::TurnQueue has them. Used by tests.
    std::function<double()> clock;
    std::chrono::milliseconds grace = base::TurnQueue::kGrace;
  };
  Impl(const EngineOptions& options, Extras extras);

  const session::Model model;
  session::SessionLimit live_sessions;
  /// Sessions take a turn for each batch, and in the middle of a long one others have theirs.
  base::TurnQueue turns;
  const std::unique_ptr<backend::Device> device;
  const tensor::DType dtype;
  const std::optional<session::CalibrationTable> calibration;
  /// Whether text encoders are released when they have encoded a prompt.
  const bool releases_text_encoders;
  session::ExecutableCache executables;
  session::RowPools row_pools;
  session::Prompts prompts;
  session::ImageEncoder images;

  /// Says once, when the first session starts, which recipe is in use and what of it that has.
  void tell_recipe(const SessionOptions& used);

 private:
  /// The one that the recipe tells of, where it is for this model and the model's own is in use;
  /// else empty.
  std::string smaller_autoencoder() const;

  const bool own_autoencoder_;
  std::once_flag told_recipe_;
};

}  // namespace streamdiffusion
