// The rows of the parameter table that clients may set, as this server offers them.
#pragma once

#include <vector>

#include "params/table.h"
#include "server/options.h"
#include "server/stream_factory.h"

namespace streamdiffusion::server {

/// With the served model and multiple of sizes, and the operator's limits on sizes and steps.
std::vector<params::Parameter> offered_parameters(const ServedModel& info, const Limits& limits);

}  // namespace streamdiffusion::server
