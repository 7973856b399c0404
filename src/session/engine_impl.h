// What an engine owns, shared by its sessions.
#pragma once

#include <memory>

#include "session/plans.h"
#include "session/prompts.h"
#include "session/seats.h"
#include "session/turns.h"
#include "streamdiffusion/engine.h"

namespace streamdiffusion {

class Engine::Impl {
 public:
  explicit Impl(const EngineOptions& options);

  const session::Model model;
  session::Seats seats;  ///< Of live sessions.
  session::Turns turns;  ///< A frame's calls are one turn; one session follows the other.
  const std::unique_ptr<backend::Device> device;
  const tensor::DType dtype;
  session::Plans plans;
  session::Prompts prompts;
};

}  // namespace streamdiffusion
