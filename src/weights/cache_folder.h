// Names of the folders in the cache of the Hugging Face hub.
#pragma once

#include <string>
#include <string_view>

namespace streamdiffusion::weights {

/// "models--ORG--NAME" to "ORG/NAME"; empty for another folder.
inline std::string repository_of_cache_folder(std::string_view folder) {
  constexpr std::string_view kPrefix = "models--", kSeparator = "--";
  if (!folder.starts_with(kPrefix)) return {};
  std::string name(folder.substr(kPrefix.size()));
  const std::size_t at = name.find(kSeparator);
  if (at != std::string::npos) name.replace(at, kSeparator.size(), "/");
  return name;
}

}  // namespace streamdiffusion::weights
