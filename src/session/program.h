// A shared executable and one stream's values in it.
#pragma once

#include <memory>
#include <span>

#include "session/executable_cache.h"

namespace streamdiffusion::session {

struct Program {
  Program() = default;
  explicit Program(SharedExecutable shared)
      : executable(std::move(shared)), state(executable->make_state()) {}

  SharedExecutable executable;
  std::unique_ptr<backend::State> state;

  std::span<float> floats(const tensor::View& view) const {
    return {view.as<float>(), static_cast<std::size_t>(view.desc.shape.elements())};
  }
  std::span<float> input(const char* name) const { return floats(state->input(name)); }
  std::span<float> output(const char* name) const { return floats(state->output(name)); }
};

}  // namespace streamdiffusion::session
