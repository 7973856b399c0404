// Files of figures for other programs, as JSON.
#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

namespace streamdiffusion::app {

/// A named value, or figures under one name.
struct Figure {
  std::string name;
  std::variant<double, std::int64_t, std::string, std::vector<Figure>> value;
};
using Figures = std::vector<Figure>;

/// Writes an object with a member for each figure. The file appears whole or not at all. Throws io
/// naming it.
void write_figures(const std::string& path, const Figures& figures);

}  // namespace streamdiffusion::app
