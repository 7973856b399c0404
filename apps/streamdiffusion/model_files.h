// Models by name, with what a person at a terminal sees of it.
#pragma once

#include <string>

#include "hub/pull.h"
#include "stop_signals.h"
#include "streamdiffusion/options.h"

namespace streamdiffusion::app {

/// model_files::with_files() with progress on stderr. Throws Error, and Stopped after one of the
/// signals.
EngineOptions with_files(EngineOptions options, const StopSignals* signals = nullptr);

/// Downloads what a name stands for, with progress and a summary on stderr unless quiet. Throws
/// Stopped after a signal.
hub::Pulled pull_name(const hub::Settings& settings, const std::string& name,
                      const hub::PullOptions& options, bool quiet, const StopSignals* signals);

}  // namespace streamdiffusion::app
