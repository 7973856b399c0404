// From the name of an IP-Adapter on the hub to its file and its image encoder.
#pragma once

#include "model_files/download.h"
#include "streamdiffusion/options.h"

namespace streamdiffusion::model_files {

/// Replaces names by paths, which are downloaded where they are not in the cache. For an adapter
/// given by its name the encoder is, of those in its repository, the first whose numbers fit.
/// Throws as with_files().
void find_ip_adapter_files(IpAdapter& adapter, const DownloadEvents& events);

}  // namespace streamdiffusion::model_files
