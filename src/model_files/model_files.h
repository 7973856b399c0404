// From what a user writes for a model to files: a path, a name on the hub, or a word.
#pragma once

#include <string>

#include "model_files/download.h"
#include "streamdiffusion/options.h"

namespace streamdiffusion::model_files {

/// The options with the paths of what `model`, `unet`, `text_encoder`, `text_encoder_2`,
/// `lora_dict`, `controlnets`, `ip_adapters` and `vae` name. A path that exists is taken as it is.
/// Names (ORG/NAME[@REVISION], civitai:NUMBER) are looked up in the cache and, where they are not
/// there, downloaded. `vae` may also be "own", or "tiny" for the tiny autoencoder that fits the
/// model, which a model that is given by its name has unless told otherwise. Throws Error, and
/// hub::Interrupted.
EngineOptions with_files(EngineOptions options, const DownloadEvents& events = {});

/// The path of what one option's value names, in the same way. A path that does not exist and can
/// be no name stays, for the engine to refuse.
std::string with_file(const char* option, const std::string& text, const DownloadEvents& events);

}  // namespace streamdiffusion::model_files
