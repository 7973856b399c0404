// Files of metrics for other programs, as JSON.
#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

namespace streamdiffusion::app {

/// A named value, or metrics under one name.
struct Metric {
  std::string name;
  std::variant<double, std::int64_t, std::string, std::vector<Metric>> value;
};
using Metrics = std::vector<Metric>;

/// Writes an object with a member for each metric. The file appears whole or not at all. Throws io
/// naming it.
void write_metrics(const std::string& path, const Metrics& metrics);

}  // namespace streamdiffusion::app
