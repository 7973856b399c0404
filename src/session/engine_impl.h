// What an engine owns, shared by its sessions.
#pragma once

#include <memory>

#include "session/plans.h"
#include "session/prompts.h"
#include "streamdiffusion/engine.h"

namespace streamdiffusion {

class Engine::Impl {
 public:
  explicit Impl(const EngineOptions& options);

  const session::Model model;
  const std::unique_ptr<backend::Device> device;
  const tensor::DType dtype;
  session::Plans plans;
  session::Prompts prompts;
};

}  // namespace streamdiffusion
