// A named little graph, to be run on any device.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "graph/builder.h"

namespace streamdiffusion::backend::test {

/// Rows [first, first + count) of a case: what one row group computes.
struct Rows {
  std::int64_t first = 0, count = 1;
};

struct OpCase {
  std::string name;
  std::int64_t rows = 1;
  std::function<void(graph::Builder&, Rows)> build;
  /// Element `index` of an input, counted over all rows. Empty: uniform().
  std::function<double(std::string_view input, std::int64_t index)> fill;
  std::vector<std::string> shared_inputs;
  /// Largest difference to the reference in f32, as a share of the largest value. Outputs of type
  /// u8 and bf16 may be one step away in any case, unless this is 0.
  double f32_tolerance = 1e-5;
  /// A form that no model uses: a device may refuse it, with ErrorCode::unsupported, when it
  /// compiles.
  bool optional = false;
};

}  // namespace streamdiffusion::backend::test
