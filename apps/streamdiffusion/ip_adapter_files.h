// From the name of an IP-Adapter on the hub to its file and its image encoder.
#pragma once

#include "stop_signals.h"
#include "streamdiffusion/options.h"

namespace streamdiffusion::app {

/// Replaces names by paths, which are downloaded where they are not in the cache. For an adapter
/// given by its name the encoder is, of those in its repository, the first whose numbers fit.
/// Throws as with_files().
void find_ip_adapter_files(IpAdapter& adapter, const StopSignals* signals);

}  // namespace streamdiffusion::app
