// A parameter's value out of JSON: a client's message, or a model's streamdiffusion.json.
#pragma once

#include "json/json.h"
#include "params/table.h"

namespace streamdiffusion::params {

/// Sets what the row refers to. Throws corrupt_file naming the path in the JSON, what was found and
/// what was expected.
void read_json(const Parameter& row, const json::Json& value, Settings& settings);

}  // namespace streamdiffusion::params
