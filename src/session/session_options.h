// What a session's options must fulfil.
#pragma once

#include <string>

#include "session/executable_cache.h"
#include "session/model.h"
#include "stream/stream_batch.h"
#include "streamdiffusion/options.h"

namespace streamdiffusion::session {

/// The options with what the model's folder says of its own defaults, then ours, where unset.
SessionOptions with_defaults(const Model& model, const SessionOptions& options);

/// What the stream batch takes from options that have every default filled in. Throws
/// invalid_argument for steps that the model's schedule does not have.
stream::StreamParameters stream_parameters(const Model& model, const SessionOptions& options);

/// For a person, of such options: "t 18,32", "euler  t 2,3 of 4 trailing".
std::string schedule_text(const SessionOptions& options);

/// Throws invalid_argument naming the option, what it is and what was expected. `options` has every
/// default filled in.
void check_options(const Model& model, const SessionOptions& options);

/// What the UNet keeps of earlier frames.
models::CachedFrames cached_frames(const SessionOptions& options);

/// What the UNet of a session with these options is compiled for.
UNetKey unet_key(const SessionOptions& options);

}  // namespace streamdiffusion::session
