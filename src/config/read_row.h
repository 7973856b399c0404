// A row of the parameter table out of a YAML value.
#pragma once

#include <vector>

#include "config/value.h"
#include "params/table.h"

namespace streamdiffusion::config {

/// Sets what the row refers to. Throws invalid_argument naming the line, what was found and what
/// was expected.
void read_row(const params::Parameter& row, const Value& value, params::Settings& settings);

/// The same for those members of a map that are rows of a table of their own.
void read_members(const std::vector<params::Parameter>& rows, const Value& v,
                  params::Settings& settings);

}  // namespace streamdiffusion::config
