// The tables of parameters in the docs. `streamdiffusion info --parameters` prints them, and a test
// compares them with the pages.
#pragma once

#include <string>

#include "params/table.h"

namespace streamdiffusion::params {

enum class Page {
  /// docs/protocol.md: name, values, default, when a change takes effect.
  protocol,
  /// docs/media.md: the same for the keys of --config, with the flag of each.
  config,
};

/// A Markdown table, with a line break at its end.
std::string markdown(Page page);

}  // namespace streamdiffusion::params
