// The rows of the parameter table that clients may set, as this server offers them.
#pragma once

#include <string>
#include <vector>

#include "params/table.h"
#include "server/options.h"
#include "server/stream_factory.h"

namespace streamdiffusion::server {

/// With the models to choose from, the served one's multiple of sizes, and the operator's limits on
/// sizes and steps.
std::vector<params::Parameter> offered_parameters(const ServedModel& info, const Limits& limits,
                                                  const std::vector<std::string>& models);

}  // namespace streamdiffusion::server
