// The rows of the parameter table that clients may set, as this server offers them.
#pragma once

#include <nlohmann/json.hpp>
#include <vector>

#include "params/table.h"
#include "server/options.h"
#include "server/stream_factory.h"

namespace streamdiffusion::server {

/// With the served model and multiple of sizes, and the operator's limits on sizes and steps.
std::vector<params::Parameter> offered_parameters(const ServedModel& info, const Limits& limits);

/// JSON Schema of row number `order`. Beyond the standard's words: `id` and `field` for front ends
/// of the legacy protocol; `step`, `group`, `order`, `needsSession` and `sliderMaximum` for ours.
nlohmann::json schema_of(const params::Parameter& row, std::size_t order);

/// The value that is set.
nlohmann::json value_of(const params::Parameter& row, const params::Settings& settings);

}  // namespace streamdiffusion::server
