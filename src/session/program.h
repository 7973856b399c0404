// A shared executable and one stream's values in it.
#pragma once

#include <memory>
#include <span>
#include <string>

#include "session/executable_cache.h"

namespace streamdiffusion::session {

/// The input of one of several ControlNets or IP-Adapters: "control_scales.0".
inline std::string numbered(const char* input, int number) {
  return std::string(input) + "." + std::to_string(number);
}

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
