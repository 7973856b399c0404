// What EngineOptions::batching says.
#pragma once

#include <string>
#include <string_view>

#include "backend/backend.h"

namespace streamdiffusion::session {

struct Batching {
  /// The most rows that a UNet call over several sessions has; 0: each session runs alone.
  int max_rows = 0;
  /// Only where it is measured to pay.
  bool measures = false;
  /// Why each session runs alone, if all do.
  std::string why_off;
};

/// Sessions run alone on a device where a row's bits depend on other rows; where the user asked for
/// more, that is logged. Throws invalid_argument for another word, naming what is expected.
Batching batching(std::string_view word, const backend::Device& device);

}  // namespace streamdiffusion::session
