// What a session's options must fulfil.
#pragma once

#include "session/model.h"
#include "streamdiffusion/options.h"

namespace streamdiffusion::session {

/// The options with what the model's folder says of its own defaults, then ours, where unset.
SessionOptions with_defaults(const Model& model, const SessionOptions& options);

/// Throws invalid_argument naming the option, what it is and what was expected. `options` has every
/// default filled in.
void check_options(const Model& model, const SessionOptions& options);

}  // namespace streamdiffusion::session
