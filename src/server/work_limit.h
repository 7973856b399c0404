// The work that a frame takes: the pixels of its image times the rows that the UNet computes for
// it. Size and steps have limits of their own, but it is their product that other sessions wait
// for.
#pragma once

#include <cstdint>

#include "streamdiffusion/options.h"

namespace streamdiffusion::server {

/// `options` has every default filled in.
std::int64_t work_of(const SessionOptions& options);

/// Throws HttpError 400 for more work than `limit`. It says what would fit: steps at this size, and
/// sizes, multiples of `factor`, with these steps. `param` is the parameter to blame.
void check_work(const SessionOptions& options, std::int64_t limit, int factor, const char* param);

}  // namespace streamdiffusion::server
