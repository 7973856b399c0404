// An entry of `ipadapters` in a YAML file.
#pragma once

#include "config/value.h"
#include "streamdiffusion/options.h"

namespace streamdiffusion::config {

/// A map in the shape of the original package's forks. Images are named, not read. Throws as
/// parse_config().
IpAdapter read_ip_adapter(const Value& v);

}  // namespace streamdiffusion::config
