// The work that a frame takes: the pixels of its image times the rows that the UNet computes for
// it, and what ControlNets, IP-Adapters and cached frames add, as shares of such rows. Size and
// steps have limits of their own, but it is their product that other sessions wait for.
#pragma once

#include <cstdint>

#include "server/stream_factory.h"
#include "streamdiffusion/options.h"

namespace streamdiffusion::server {

/// Rows of a UNet call, with what ControlNets, IP-Adapters and cached frames are worth of one.
/// `options` has every default filled in.
double rows_worth(const SessionOptions& options, const AdapterWork& adapters);
/// Pixels times those.
std::int64_t work_of(const SessionOptions& options, const AdapterWork& adapters);

/// Throws HttpError 400 for more work than `limit`. It says what would fit: steps at this size, and
/// sizes that the model takes, with these steps. `param` is the parameter to blame.
void check_work(const SessionOptions& options, const ServedModel& model, std::int64_t limit,
                const char* param);

}  // namespace streamdiffusion::server
