// From what a user writes for --model and --vae to files: a path, a name on the hub, or a word.
#pragma once

#include <filesystem>
#include <string>

#include "hub/pull.h"
#include "stop_signals.h"
#include "streamdiffusion/options.h"

namespace streamdiffusion::app {

/// The options with the paths of what `model` and `vae` name. A path that exists is taken as it is.
/// Names (ORG/NAME[@REVISION], civitai:NUMBER) are looked up in the cache and, where they are not
/// there, downloaded, with progress on stderr. `vae` may also be "own", or "tiny" for the tiny
/// autoencoder that fits the model, which a model that is given by its name has unless told
/// otherwise. Throws Error, and Stopped after one of the signals.
EngineOptions with_files(EngineOptions options, const StopSignals* signals = nullptr);

/// The path of what one flag's value names, in the same way.
std::string with_file(const char* flag, const std::string& text, const StopSignals* signals);

/// Downloads what a name stands for, with progress and a summary on stderr unless quiet. Throws
/// Stopped after a signal.
hub::Pulled pull_name(const hub::Settings& settings, const std::string& name,
                      const hub::PullOptions& options, bool quiet, const StopSignals* signals);

}  // namespace streamdiffusion::app
