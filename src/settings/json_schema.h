// Rows of the parameter table and their values, written as JSON.
#pragma once

#include <nlohmann/json.hpp>
#include <span>

#include "params/table.h"

namespace streamdiffusion::settings {

/// JSON Schema of row number `order`. Beyond the standard's words: `id` and `field` for front ends
/// of the legacy protocol; `step`, `group`, `order`, `needsSession` and `sliderMaximum` for ours.
nlohmann::json schema_of(const params::Parameter& row, std::size_t order);

/// An object with the schemas of all rows, and `default` with their values in `defaults`.
nlohmann::json schema_of(std::span<const params::Parameter> rows, const nlohmann::json& defaults);

/// The values of all rows, by name. A list that is unset is empty, any other value null.
nlohmann::json values_of(std::span<const params::Parameter> rows, const params::Settings& settings);

}  // namespace streamdiffusion::settings
