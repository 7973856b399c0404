// Downloads what a name stands for, and tells about it.
#pragma once

#include <functional>
#include <string>

#include "hub/pull.h"

namespace streamdiffusion::model_files {

/// What is told and asked while files are downloaded, in the thread of the caller.
struct DownloadEvents {
  /// Ten times a second.
  std::function<void(const std::string& name, const hub::PullProgress&)> progress =
      [](const std::string&, const hub::PullProgress&) {};
  std::function<void(const std::string& name, const hub::Pulled&, double seconds)> finished =
      [](const std::string&, const hub::Pulled&, double) {};
  /// True ends the download; what has arrived is kept, and the next one continues it.
  hub::Stopped stopped = [] { return false; };
  /// How errors name an option ("text_encoder"): a program has flags instead.
  std::function<std::string(const char* option)> spelled = [](const char* option) {
    return std::string(option);
  };
};

/// Of a repository (ORG/NAME[@REVISION]) or a version on Civitai (civitai:NUMBER). A pipeline that
/// cannot be used is refused before its weights are downloaded. Throws invalid_argument for another
/// name, hub::Interrupted, and as hub::pull() does.
hub::Pulled download(const hub::Settings& settings, const std::string& name,
                     const hub::PullOptions& options, const DownloadEvents& events);

}  // namespace streamdiffusion::model_files
