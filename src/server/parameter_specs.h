// The rows of the parameter table.
#pragma once

#include <vector>

#include "server/parameters.h"

namespace streamdiffusion::server {

std::vector<ParameterTable::Spec> make_specs(const ServedModel& info, const Limits& limits);

}  // namespace streamdiffusion::server
