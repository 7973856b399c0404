// OSC messages out of JSON values, for answers.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string_view>

#include "osc/packet.h"

namespace streamdiffusion::osc {

/// "/streamdiffusion/NAME" with the value: a list as one argument for each item, also of lists in
/// it; null as none.
Message answer(std::string_view name, const nlohmann::json& value);

}  // namespace streamdiffusion::osc
