// Reads the scheduler's config of a model.
#pragma once

#include "json/json.h"
#include "schedule/noise_levels.h"

namespace streamdiffusion::schedule {

/// scheduler_config.json. Which scheduler it names does not count: its noise levels do. Throws
/// corrupt_file for a value out of range or not implemented.
SchedulerConfig scheduler_config(const json::Json& json);

}  // namespace streamdiffusion::schedule
